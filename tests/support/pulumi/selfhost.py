"""The stack on one server as its operators have it: `pulumi up`, and then the service, containers and outputs."""

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import docker  # type: ignore[import-untyped]
import httpx

from demo.people import OWNER
from fetcher.embedded.child import child_environment
from tests.support.docker.engine import DockerEngine
from tests.support.dovecot import free_ports
from tests.support.forwarder import Forwarder
from tests.support.house import AS_OF, wait_until
from tests.support.mailboxes import PASSWORD
from tests.support.pulumi.engine import Pulumi
from tests.support.pulumi.project import copy_project

STACK = "selfhost"
FORMATS = ("csv", "jsonl", "vcard")
ASK_SECONDS = 60.0
MINE_SECONDS = 180.0
MAIL_SERVERS = "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
"""Where the tests' mail server is: on this machine, at its address in the containers' network."""


class SelfHost:
    """One stack `selfhost` on the tests' Docker engine; `prefix` keeps it separate from other stacks there."""

    def __init__(self, folder: Path, engine: DockerEngine, settings: Mapping[str, str], *, prefix: str) -> None:
        self.engine = engine
        self.prefix = prefix
        self.project = copy_project(folder / "project")
        self.pulumi = Pulumi(folder / "pulumi", self.project)
        self.pulumi.run("stack", "init", STACK, "--secrets-provider", "passphrase")
        own = {"dockerHost": engine.host, "prefix": prefix, "publishPort": str(free_ports(1)[0])}
        own["serveAllowHosts"] = MAIL_SERVERS
        self.configure({**settings, **own})

    def configure(self, settings: Mapping[str, str]) -> None:
        """Set the stack's settings."""
        pairs = [part for name, value in settings.items() for part in ("--plaintext", f"leadminer:{name}={value}")]
        self.pulumi.run("config", "set-all", "--stack", STACK, *pairs)

    def up(self, *options: str) -> float:
        """Deploy the stack, and return the seconds that took."""
        began = time.monotonic()
        self.pulumi.run("up", "--stack", STACK, "--yes", *options)
        return time.monotonic() - began

    def expect_no_changes(self) -> None:
        """Fail if another `up` would change anything."""
        self.pulumi.run("preview", "--stack", STACK, "--expect-no-changes")

    def preview(self, *options: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Preview with additional settings, and discard them afterwards; Pulumi's own `--config` would save them."""
        file = self.project / f"Pulumi.{STACK}.yaml"
        text = file.read_text("utf-8")
        try:
            if settings:
                self.configure(settings)
            return self.pulumi.try_run("preview", "--stack", STACK, *options)
        finally:
            file.write_text(text, "utf-8")

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, with secrets in the clear."""
        return self.pulumi.outputs(STACK)

    def containers(self) -> dict[str, docker.models.containers.Container]:
        """Return the containers by name, without the prefix."""
        found = self.engine.client.containers.list(all=True, filters={"name": f"^/{self.prefix}-"})
        return {each.name.removeprefix(f"{self.prefix}-"): each for each in found}

    def lasting(self) -> list[str]:
        """Return the names of the long-running containers."""
        return [
            name
            for name, each in self.containers().items()
            if each.attrs["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
        ]

    def is_healthy(self) -> bool:
        """Return whether all long-running containers are healthy."""
        found = self.containers()
        return all(found[name].attrs["State"].get("Health", {}).get("Status") == "healthy" for name in self.lasting())

    def volume(self, holding: str) -> str:
        """Return a volume's full name."""
        return f"{self.prefix}-{holding}"

    @property
    def gateway(self) -> str:
        """Return this machine's address in the containers' network."""
        network = self.engine.client.networks.get(self.prefix)
        return str(network.attrs["IPAM"]["Config"][0]["Gateway"])

    def execute(self, service: str, *command: str) -> tuple[int, str]:
        """Run a command in a container, as `docker exec` does; return its exit code and output."""
        code, output = self.containers()[service].exec_run(list(command))
        return code, output.decode()


class Service:
    """A client of the fetcher's HTTP service."""

    def __init__(self, url: str, token: str) -> None:
        self._client = httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=ASK_SECONDS)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def try_start(self, user: str, source: str) -> httpx.Response:
        """Request a mining, and return the response."""
        order = {"source": source, "password": PASSWORD, "me": [OWNER], "as_of": AS_OF, "plain": True}
        return self._client.post(f"/users/{user}/minings", json=order)

    def start(self, user: str, source: str) -> str:
        """Start mining, and return the mining's id."""
        answer = self.try_start(user, source)
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def status(self, user: str, mining: str) -> dict[str, Any]:
        """Return a mining's status."""
        return self._read(f"/users/{user}/minings/{mining}")

    def is_finished(self, user: str, mining: str) -> bool:
        """Return whether a mining is finished."""
        return bool(self.status(user, mining)["state"] == "finished")

    def mine(self, user: str, source: str) -> dict[str, Any]:
        """Mine a mailbox until the mining finishes, and return the report."""
        return self.finish(user, self.start(user, source))

    def finish(self, user: str, mining: str) -> dict[str, Any]:
        """Wait for a mining to finish, and return the report."""
        wait_until(lambda: self.is_finished(user, mining), seconds=MINE_SECONDS, look_seconds=0.2)
        return self._read(f"/users/{user}/minings/{mining}/report")

    def exports(self, user: str) -> dict[str, bytes]:
        """Return a user's contacts in each format."""
        answers = {form: self._client.get(f"/users/{user}/export?format={form}") for form in FORMATS}
        assert {answer.status_code for answer in answers.values()} == {200}
        return {form: answer.content for form, answer in answers.items()}

    def _read(self, path: str) -> dict[str, Any]:
        answer = self._client.get(path)
        assert answer.status_code == 200, answer.text
        fields: dict[str, Any] = answer.json()
        return fields


@contextmanager
def mailbox(gateway: str, port: int) -> Iterator[str]:
    """Yield a source URL for a mailbox on loopback that works both here and in containers."""
    with Forwarder(gateway, port) as forwarder:
        yield source_at(forwarder)


def source_at(forwarder: Forwarder) -> str:
    """Return the source URL of a mailbox behind a forwarder."""
    return f"imap://{quote(OWNER, safe='')}@{forwarder.address}:{forwarder.port}"


def mine_embedded(home: Path, source: str) -> dict[str, bytes]:
    """Mine with nothing configured, and return the contacts in each format."""
    password = home / "password"
    password.write_text(PASSWORD)
    mine = ["mine", source, "--password-file", str(password), "--me", OWNER, "--as-of", AS_OF, "--plain"]
    run_leadminer(home, *mine)
    return {form: run_leadminer(home, "export", "--format", form) for form in FORMATS}


def run_leadminer(home: Path, *arguments: str) -> bytes:
    """Run a command that keeps its data in a folder, and return what it printed."""
    environment = child_environment({"LEADMINER_HOME": str(home / "data"), "LEADMINER_LINGER": "0"})
    command = [sys.executable, "-m", "fetcher.commands.cli", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, check=False, timeout=MINE_SECONDS)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout
