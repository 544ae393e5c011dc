"""A push to main reaches production: runs the deploy workflow's steps, in order, in a scratch clone.

Pulumi, the program, git, make and Docker are real. Both stacks are deployed to one account on this machine, reached by
Cloudflare's host names. GitHub's API, its runner and the registry are stand-ins. The fetcher's image is built before,
so that it trusts the account's certificate.
"""

import os
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from infra.naming import CloudflareNames
from tests.support.cloudflare.account import CloudflareAccount
from tests.support.docker.engine import DockerEngine
from tests.support.docker_command import write_built
from tests.support.dovecot import free_ports
from tests.support.github import TOKEN, GitHubStandIn
from tests.support.names import own_names
from tests.support.postgrest import SERVICE_KEY
from tests.support.pulumi.engine import Pulumi
from tests.support.pushed import PushRegistry
from tests.support.scratch_clone import ScratchClone, make_scratch_clone
from tests.support.workflows import Ran, Runner, read_workflow

OURS = ("CLOUDFLARE_", "FETCHER_", "GITHUB_", "PULUMI_", "AWS_", "GIT_", "LEADMINER_", "PROCESSOR_")
ENVIRONMENTS = {"staging": "staging", "production": "prod"}
SECRET = {
    "CLOUDFLARE_API_TOKEN",
    "CLOUDFLARE_R2_ACCESS_KEY_ID",
    "CLOUDFLARE_R2_SECRET_ACCESS_KEY",
    "PULUMI_CONFIG_PASSPHRASE",
    "SUPABASE_DB_URL",
    "SUPABASE_SERVICE_KEY",
}
"""The repository's secrets that no step may print; the others are names and addresses."""


@dataclass(frozen=True)
class Machine:
    """A runner: a folder of tools for PATH, more variables, and the repository's secrets.

    `prefix` is the command that its shell is run with.
    """

    pulumi: Pulumi
    tools: Path
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    prefix: Sequence[str]

    @property
    def environ(self) -> dict[str, str]:
        """Return the environment in which each step starts."""
        others = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        path = os.pathsep.join([str(self.tools), self.pulumi.environment["PATH"]])
        own = {name: value for name, value in self.pulumi.environment.items() if name not in self.secrets}
        return {**others, **own, **self.variables, "PATH": path}

    def carry(self, clone: ScratchClone) -> list[Ran]:
        """Run the deploy workflow for a clone's commit, and return its steps with their output."""
        github = {"token": TOKEN, "sha": clone.git("rev-parse", "HEAD")}
        workflow = read_workflow(clone.folder / ".github" / "workflows" / "cloudflare-deploy.yml")
        return Runner(clone.folder, self.environ, self.secrets, github, prefix=self.prefix).run(workflow)

    def hidden(self) -> dict[str, str]:
        """Return what no step may print: the given secrets, and those that the stacks generated."""
        given = {name: value for name, value in self.secrets.items() if name in SECRET}
        outputs = {stack: self.pulumi.outputs(stack) for stack in ENVIRONMENTS}
        made = {
            f"{name} of {stack}": told[name] for stack, told in outputs.items() for name in ("processorToken", "token")
        }
        return {**given, **made, "token of GitHub": TOKEN}


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    """Yield a stand-in for GitHub."""
    with GitHubStandIn() as server:
        yield server


@pytest.fixture
def registry() -> Iterator[PushRegistry]:
    """Yield the registry for the fetcher's image."""
    with PushRegistry() as started:
        yield started


@pytest.fixture
def clone(tmp_path: Path, account: CloudflareAccount, docker_engine: DockerEngine, supabase: str) -> ScratchClone:
    """Return a clone whose stack files name the account, Supabase and the fetchers' host."""
    made = make_scratch_clone(tmp_path)
    for stack, port in zip(ENVIRONMENTS, free_ports(2), strict=True):
        settings = {
            "workersSubdomain": account.credentials.subdomain,
            "supabaseUrl": supabase,
            "fetcherHost": docker_engine.host,
            "publishPort": str(port),
        }
        with (made.folder / f"Pulumi.{stack}.yaml").open("a") as file:
            file.writelines(f'  leadminer:{name}: "{value}"\n' for name, value in settings.items())
    made.commit("Say where everything is")
    trust_in_clone(made.folder, account)
    return made


def trust_in_clone(folder: Path, account: CloudflareAccount) -> None:
    """Set up the clone, and make its `leadminer` trust the account's certificate authority."""
    subprocess.run(["make", "setup"], cwd=folder, check=True, capture_output=True)
    [known] = folder.glob(".venv/lib/python3*/site-packages/certifi/cacert.pem")
    with known.open("ab") as file:
        file.write(account.authority.cert_pem.bytes())


@pytest.fixture
def machine(
    tmp_path: Path,
    clone: ScratchClone,
    account: CloudflareAccount,
    docker_engine: DockerEngine,
    fetcher: str,
    registry: PushRegistry,
    github: GitHubStandIn,
    permanent: str,
    pulumi_engine: None,
    sdk: Path,
) -> Iterator[Machine]:
    """Yield a runner's machine; the permanent database does not have our schema yet."""
    with psycopg.connect(permanent) as connection:
        connection.execute("DROP SCHEMA leadminer CASCADE")
    pulumi, own = Pulumi(tmp_path / "pulumi", clone.folder), account.credentials
    write_built(tmp_path / "tools", fetcher)
    secrets = {
        "CLOUDFLARE_ACCOUNT_ID": own.account,
        "CLOUDFLARE_API_TOKEN": own.token,
        "CLOUDFLARE_R2_ACCESS_KEY_ID": own.access_key,
        "CLOUDFLARE_R2_SECRET_ACCESS_KEY": own.secret,
        "PULUMI_BACKEND_URL": pulumi.environment["PULUMI_BACKEND_URL"],
        "PULUMI_CONFIG_PASSPHRASE": pulumi.environment["PULUMI_CONFIG_PASSPHRASE"],
        "SUPABASE_DB_URL": permanent,
        "SUPABASE_SERVICE_KEY": SERVICE_KEY,
    }
    variables = {
        **{name: value for name, value in github.environ.items() if name != "GITHUB_TOKEN"},
        "DOCKER_HOST": docker_engine.host,
        "REGISTRY": f"{registry.host}/leadminer",
        "PYTEST_ADDOPTS": "-k schemas",  # a part of the unit tests is enough to show that they run
    }
    with own_names(tmp_path, account.hosts, account.port, account.authority) as names:
        yield Machine(pulumi, tmp_path / "tools", {**variables, **names.environment}, secrets, names.prefix)


def test_a_push_to_main_reaches_production(
    machine: Machine, clone: ScratchClone, github: GitHubStandIn, registry: PushRegistry, account: CloudflareAccount
) -> None:
    """A push to main deploys one image to both stacks, with a smoke mining in between, and makes a release.

    The permanent database is migrated on the way, nothing is left to change, and no secret is printed.
    """
    version = tomllib.loads((clone.folder / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    commit = clone.git("rev-parse", "HEAD")

    ran = {each.run: each.printed for each in machine.carry(clone)}

    [digest] = registry.pushed.values()
    assert list(ran)[-1] == "make release"
    assert "passed" in ran["make unit"]
    assert "Listed 3,936 messages, found 394 contacts; the ledger balances." in ran["make smoke STACK=staging"]
    for stack, environment in ENVIRONMENTS.items():
        names = CloudflareNames(environment)
        assert machine.pulumi.outputs(stack)["fetcherImage"] == f"{registry.host}/leadminer/fetcher@{digest}"
        assert f"| D1 | `{names.database}` |" in ran[f"make summary STACK={stack}"]
        assert names.worker in account.resources("scripts")
        assert account.objects(names.bucket) == []
    assert clone.tags() == {f"v{version}": commit}
    assert list(github.releases) == [f"v{version}"]
    shown = "\n".join(ran.values())
    assert [name for name, value in machine.hidden().items() if value in shown] == []
