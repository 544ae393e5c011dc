"""A mailbox on Dovecot and a data directory, in which commands run as a person runs them."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.support.dovecot import Dovecot

LEADMINER = [sys.executable, "-m", "fetcher.commands.cli"]
OURS = ("POSTGRES_", "REDIS_", "CLOUDFLARE_", "PROCESSOR_", "LEADMINER_", "RAW_", "STORAGE_", "IMAP_")


@dataclass(frozen=True)
class Place:
    """A mailbox, its owner's login and password, and where the embedded servers keep their data."""

    server: Dovecot
    home: Path
    login: str
    password: str | None

    @property
    def url(self) -> str:
        """Return the mailbox's URL for the command line."""
        return f"imaps://{quote(self.login)}@{self.server.host}:{self.server.tls_port}"

    def environment(self) -> dict[str, str]:
        """Return a command's environment, with no leadminer settings other than the test's."""
        others = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        given = {} if self.password is None else {"IMAP_PASSWORD": self.password}
        return others | given | {"LEADMINER_HOME": str(self.home), "LEADMINER_LINGER": "0"}

    def run(self, *arguments: str, timeout_seconds: float = 240) -> "subprocess.CompletedProcess[str]":
        """Run a command without a terminal."""
        return subprocess.run(
            [*LEADMINER, *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
        )

    def mine(self, *arguments: str, user: str) -> "subprocess.CompletedProcess[str]":
        """Mine the mailbox for a user."""
        return self.run("mine", self.url, "--ca-file", str(self.server.ca_file), "--user", user, *arguments)

    def start_mining(self, *arguments: str, user: str) -> "subprocess.Popen[str]":
        """Start mining the mailbox for a user, without waiting."""
        return subprocess.Popen(
            [*LEADMINER, "mine", self.url, "--ca-file", str(self.server.ca_file), "--user", user, *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def export(self, user: str) -> str:
        """Return all of a user's contacts as JSON Lines."""
        done = self.run("export", "--format", "jsonl", "--user", user)
        assert done.returncode == 0, done.stderr
        return done.stdout
