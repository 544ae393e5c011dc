"""A scratch checkout with its own remote, in which tests run the steps of the pipeline."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schemas.migrations import PERMANENT, read_migrations
from tests.support.cloudflare_account import ACCOUNT, CloudflareAccount, Token
from tests.support.github import GitHubStandIn
from tests.support.pulumi_command import PulumiCommand

CHECKOUT = Path(__file__).resolve().parents[3]
NEEDED = (".github", "CHANGELOG.md", "docs/develop.md", "infra", "pyproject.toml", "schemas")
OURS = ("CLOUDFLARE_", "FETCHER_", "GITHUB_", "PULUMI_", "AWS_", "GIT_", "REGISTRY", "PYTHON_IMAGE", "SUPABASE_")


@dataclass(frozen=True)
class Scratch:
    """A clone of what the steps need, and its origin, a bare repository."""

    folder: Path
    remote: Path

    def git(self, *arguments: str) -> str:
        """Run git in the clone as a made-up author, and return what it prints."""
        who = ["-c", "user.name=Jane Doe", "-c", "user.email=jane@example.org", "-c", "commit.gpgsign=false"]
        done = subprocess.run(["git", *who, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def write(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file; the file must contain it."""
        file = self.folder / name
        text = file.read_text("utf-8")
        assert old in text
        file.write_text(text.replace(old, new), "utf-8")

    def step(self, *arguments: str, **environ: str) -> "subprocess.CompletedProcess[str]":
        """Run a step as its make target does, with only the given variables of the pipeline's environment."""
        bare = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        return subprocess.run(
            [sys.executable, "-m", "infra.pipeline", *arguments],
            cwd=self.folder,
            env={**bare, **environ},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture
def scratch(tmp_path: Path) -> Scratch:
    """Return a fresh clone with one commit, pushed to its origin."""
    folder, remote = tmp_path / "clone", tmp_path / "remote.git"
    ignored = shutil.ignore_patterns("__pycache__")
    for name in NEEDED:
        source, target = CHECKOUT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=ignored)
        else:
            shutil.copy(source, target)
    for stack in CHECKOUT.glob("Pulumi*.yaml"):
        shutil.copy(stack, folder)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", remote], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    made = Scratch(folder, remote)
    (folder / ".gitignore").write_text("__pycache__/\n")
    made.git("add", "--all")
    made.git("commit", "-q", "-m", "Begin")
    made.git("remote", "add", "origin", str(remote))
    made.git("push", "-q", "origin", "main")
    return made


@pytest.fixture
def github() -> Iterator[GitHubStandIn]:
    """Yield a stand-in for GitHub."""
    with GitHubStandIn() as server:
        yield server


@pytest.fixture
def pulumi(tmp_path: Path) -> PulumiCommand:
    """Return a stand-in for the pulumi command."""
    return PulumiCommand(tmp_path / "bin")


@dataclass(frozen=True)
class Surroundings:
    """What the Cloudflare stacks need around them: an account, R2 and Supabase, with their credentials."""

    account: CloudflareAccount

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a stack in these surroundings, without a fetcher."""
        return {
            "accountId": ACCOUNT,
            "workersSubdomain": self.account.subdomain,
            "supabaseUrl": self.account.url,
            "fetcher": "none",
        }

    @property
    def environ(self) -> dict[str, str]:
        """The environment variables for a deployment."""
        [token] = self.account.tokens
        return {
            "CLOUDFLARE_API_TOKEN": token,
            "CLOUDFLARE_BASE_URL": f"{self.account.url}/client/v4",
            "SUPABASE_SERVICE_KEY": "a-key-of-tests",
        }

    def tell(self, pulumi: PulumiCommand, stack: str) -> None:
        """Give a stack's settings to the stand-in for the pulumi command."""
        own = {"mode": "cloudflare", "environment": "prod" if stack == "production" else stack}
        config = {f"leadminer:{name}": {"value": value} for name, value in {**self.settings, **own}.items()}
        pulumi.say("config", stack, json.dumps(config))


@pytest.fixture
def surroundings() -> Iterator[Surroundings]:
    """Yield surroundings in which a deployment succeeds."""
    with CloudflareAccount({"a-token-of-tests": Token()}) as account:
        account.answers["/rest/v1/rpc/schema_version"] = (200, read_migrations(PERMANENT)[-1].id)
        yield Surroundings(account)
