"""A push to main, carried to production: the deploy workflow's lines, in order, in a scratch clone.

The engine is the real one, and so are git, make and the Worker that is mined through. What is declared is a program so
small that it only tells where that Worker is; GitHub's API, its runner and Docker's command are stand-ins.
"""

import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.cloudflare.deployment import TOKEN as PROCESSOR_TOKEN
from tests.support.cloudflare.deployment import Deployment
from tests.support.docker_command import DockerCommand
from tests.support.fixtures import require
from tests.support.github import TOKEN, GitHubStandIn
from tests.support.pulumi.engine import EngineMissing, Pulumi
from tests.support.scratch_clone import ScratchClone, make_scratch_clone
from tests.support.workflows import Ran, Runner, read_workflow

OURS = ("CLOUDFLARE_", "FETCHER_", "GITHUB_", "PULUMI_", "AWS_", "GIT_", "LEADMINER_", "PROCESSOR_")
REGISTRY = "registry.example.org/leadminer"
SECRET = {
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_R2_ACCESS_KEY_ID",
    "CLOUDFLARE_R2_SECRET_ACCESS_KEY",
    "PULUMI_CONFIG_PASSPHRASE",
    "SUPABASE_SERVICE_KEY",
    "token of GitHub",
    "token of the processor",
}
"""What no step may print; the others are names and places."""
PROGRAM = '''"""A program that declares nothing, and tells of a stack that is there."""

import json
import os
from pathlib import Path

import pulumi

told = json.loads((Path(__file__).parent / "told.json").read_text("utf-8"))
pulumi.export("worker", "mining-workers")
pulumi.export("queues", ["mining-queue", "mining-queue-dead"])
pulumi.export("database", "mining-temp")
pulumi.export("bucket", told["CLOUDFLARE_R2_BUCKET"])
pulumi.export("processorUrl", told["PROCESSOR_URL"])
pulumi.export("dollarsAMonth", "5.00")
pulumi.export("fetcherImage", os.environ["FETCHER_IMAGE"])
pulumi.export("fetcherSettings", {**told, "PROCESSOR_TOKEN": pulumi.Output.secret(told["PROCESSOR_TOKEN"])})
'''
"""It passes the clone's own linters, since the workflow runs them."""


@dataclass(frozen=True)
class Machine:
    """What a runner has: a PATH with the tools, further variables, and the secrets of the repository."""

    pulumi: Pulumi
    docker: DockerCommand
    variables: Mapping[str, str]
    secrets: Mapping[str, str]

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which each step starts."""
        others = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        path = os.pathsep.join([str(self.docker.folder), self.pulumi.environment["PATH"]])
        own = {name: value for name, value in self.pulumi.environment.items() if name not in self.secrets}
        return {**others, **own, **self.variables, "PATH": path}

    def carry(self, clone: ScratchClone) -> list[Ran]:
        """Run the deploy workflow for a clone's commit."""
        github = {"token": TOKEN, "sha": clone.git("rev-parse", "HEAD")}
        workflow = read_workflow(clone.folder / ".github" / "workflows" / "cloudflare-deploy.yml")
        return Runner(clone.folder, self.environ, self.secrets, github).run(workflow)


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    """Yield a stand-in of GitHub."""
    with GitHubStandIn() as server:
        yield server


@pytest.fixture
def clone(tmp_path: Path, deployment: Deployment) -> ScratchClone:
    """Return a clone whose program tells where the deployment is."""
    made = make_scratch_clone(tmp_path)
    local = deployment.local
    told = {
        "STORAGE_MODE": "cloudflare",
        "CLOUDFLARE_ACCOUNT_ID": local.account.account,
        "CLOUDFLARE_QUEUES": local.account.queue,
        "CLOUDFLARE_R2_BUCKET": local.account.bucket,
        "PROCESSOR_TOKEN": PROCESSOR_TOKEN,
        "PROCESSOR_URL": local.processor,
    }
    (made.folder / "infra" / "told.json").write_text(json.dumps(told))
    (made.folder / "infra" / "__main__.py").write_text(PROGRAM)
    made.commit("Declare next to nothing")
    return made


@pytest.fixture
def machine(tmp_path: Path, clone: ScratchClone, deployment: Deployment, github: GitHubStandIn) -> Machine:
    """Return a runner's machine."""
    try:
        pulumi = Pulumi(tmp_path / "pulumi", clone.folder)
    except EngineMissing as error:
        require(False, f"no Pulumi engine: {error}")
        raise
    local, account = deployment.local, deployment.local.account
    of_github = {name: value for name, value in github.environ.items() if name != "GITHUB_TOKEN"}
    variables = {
        **of_github,
        "REGISTRY": REGISTRY,
        "CLOUDFLARE_BASE_URL": f"{local.gate}/client/v4",
        "CLOUDFLARE_R2_ENDPOINT": local.gate,
        "PYTEST_ADDOPTS": "-k schemas",  # a part of the unit tests is enough to say that they are run
    }
    secrets = {
        "CLOUDFLARE_ACCOUNT_ID": account.account,
        "CLOUDFLARE_API_TOKEN": account.token,
        "CLOUDFLARE_R2_ACCESS_KEY_ID": account.access_key,
        "CLOUDFLARE_R2_SECRET_ACCESS_KEY": account.secret,
        "PULUMI_BACKEND_URL": pulumi.environment["PULUMI_BACKEND_URL"],
        "PULUMI_CONFIG_PASSPHRASE": pulumi.environment["PULUMI_CONFIG_PASSPHRASE"],
        "SUPABASE_SERVICE_KEY": "a-service-key-of-tests",
    }
    return Machine(pulumi, DockerCommand(tmp_path / "docker", REGISTRY), variables, secrets)


def test_a_push_to_main_reaches_production(
    machine: Machine, clone: ScratchClone, github: GitHubStandIn, deployment: Deployment
) -> None:
    """One image for both stacks, a smoke mining in between, nothing left to change, a tag on the commit, its notes."""
    version = tomllib.loads((clone.folder / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    commit = clone.git("rev-parse", "HEAD")

    ran = {each.run: each.printed for each in machine.carry(clone)}

    image = f"{REGISTRY}/fetcher@{machine.docker.digest}"
    assert list(ran)[-1] == "make release"
    assert "passed" in ran["make unit"]
    assert "Listed 3,936 messages, found 394 contacts; the ledger balances." in ran["make smoke STACK=staging"]
    for stack in ("staging", "production"):
        assert machine.pulumi.outputs(stack)["fetcherImage"] == image
        assert "| D1 | `mining-temp` |" in ran[f"make summary STACK={stack}"]
    assert clone.tags() == {f"v{version}": commit}
    assert list(github.releases) == [f"v{version}"]
    assert deployment.contacts("smoke") == []
    shown = "\n".join(ran.values())
    secrets = {**machine.secrets, "token of GitHub": TOKEN, "token of the processor": PROCESSOR_TOKEN}
    assert [name for name, value in secrets.items() if value in shown and name in SECRET] == []
