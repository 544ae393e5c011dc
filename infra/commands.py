"""The commands of others that people have for a stack: `docker` and `pulumi`, run with what they need and no more."""

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]


class CommandFailed(Exception):
    """A command that is not there, or ended with an error; the text is what it said."""


def run(*words: str, environment: Mapping[str, str] | None = None, shown: bool = False, both: bool = False) -> str:
    """Run a command in the checkout and return what it printed (on `both` outputs); raise CommandFailed.

    `shown`: the terminal has it instead.
    """
    try:
        done = subprocess.run(
            words,
            cwd=CHECKOUT,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=None if shown else subprocess.PIPE,
            stderr=None if shown else subprocess.STDOUT if both else subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as error:
        raise CommandFailed(f"{words[0]} cannot be run: {error.strerror}.") from None
    if done.returncode:
        said = (done.stderr or "").strip() or f"{' '.join(words[:2])} ended with {done.returncode}"
        raise CommandFailed(said)
    return (done.stdout or "").strip()


@dataclass(frozen=True, slots=True)
class Docker:
    """The engine of one host."""

    host: str

    def __call__(self, *words: str, environment: Mapping[str, str] | None = None, shown: bool = False) -> str:
        """Run `docker …`; raise CommandFailed."""
        return run("docker", *words, environment={**(environment or {}), "DOCKER_HOST": self.host}, shown=shown)

    def logs(self, container: str) -> str:
        """Return the last lines that a container wrote."""
        return run("docker", "logs", "--tail", "20", container, environment={"DOCKER_HOST": self.host}, both=True)

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return what the engine knows of a `container`, an `image` or a `volume`; None where there is none."""
        try:
            found: list[dict[str, Any]] = json.loads(self(kind, "inspect", name))
        except CommandFailed as failed:
            if "no such" in str(failed).lower():
                return None
            raise
        return found[0]


@dataclass(frozen=True, slots=True)
class Pulumi:
    """One stack of the checkout."""

    stack: str

    def __call__(self, *words: str, shown: bool = False) -> str:
        """Run `pulumi … --stack …`; raise CommandFailed."""
        return run("pulumi", *words, "--stack", self.stack, "--non-interactive", shown=shown)

    def outputs(self) -> dict[str, Any]:
        """Return what the stack has told its people, without secrets."""
        found: dict[str, Any] = json.loads(self("stack", "output", "--json") or "{}")
        return found

    def config(self, *, secrets: bool = False) -> dict[str, dict[str, Any]]:
        """Return the stack's settings by their full names, each with `value` and `secret`."""
        shown = ["--show-secrets"] if secrets else []
        found: dict[str, dict[str, Any]] = json.loads(self("config", "--json", *shown) or "{}")
        return found
