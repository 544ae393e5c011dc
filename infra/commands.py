"""Runs other programs' commands in the checkout: shows their output as they work, or returns it."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
Environ = Mapping[str, str]


class CommandFailed(Exception):
    """A command is missing or failed; the text names the command, or is its error output."""


def run(command: Sequence[str], environ: Environ | None = None, *, text: str | None = None) -> None:
    """Run a command and let its output show, with `text` on its standard input; raise CommandFailed."""
    _say(command)
    try:
        done = subprocess.run(command, cwd=CHECKOUT, env=_with(environ), input=text, text=True, check=False)
    except OSError as error:
        raise _missing(command, error) from None
    if done.returncode:
        raise CommandFailed(f"{command[0]} failed with exit code {done.returncode}; see its output above.")


def capture(command: Sequence[str], environ: Environ | None = None, *, both: bool = False) -> str:
    """Return what a command prints, with standard error if `both`; raise CommandFailed with its error output."""
    try:
        done = subprocess.run(
            command,
            cwd=CHECKOUT,
            env=_with(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if both else subprocess.PIPE,
            text=True,
            check=False,
        )
    except OSError as error:
        raise _missing(command, error) from None
    if done.returncode:
        said = ((done.stdout if both else done.stderr) or "").strip()
        raise CommandFailed(said or f"{' '.join(command[:2])} failed with exit code {done.returncode}.")
    return done.stdout.strip()


def watch(command: Sequence[str], environ: Environ | None = None) -> tuple[int, str]:
    """Run a command and show its output; return the exit code and the output, standard error included."""
    _say(command)
    printed: list[str] = []
    try:
        with subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=_with(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                sys.stdout.write(line)
                sys.stdout.flush()
                printed.append(line)
    except OSError as error:
        raise _missing(command, error) from None
    return process.returncode, "".join(printed)


def _with(extra: Environ | None) -> dict[str, str]:
    return {**os.environ, **(extra or {})}


def _say(command: Sequence[str]) -> None:
    sys.stdout.write(f"$ {shlex.join(command)}\n")
    sys.stdout.flush()


def _missing(command: Sequence[str], error: OSError) -> CommandFailed:
    if isinstance(error, FileNotFoundError):
        return CommandFailed(f"The command {command[0]} was not found: install it and make sure it is on PATH.")
    return CommandFailed(f"The command {command[0]} cannot be run: {error.strerror}.")


@dataclass(frozen=True, slots=True)
class Docker:
    """The Docker engine of one host."""

    host: str

    def __call__(self, *words: str, environment: Environ | None = None) -> str:
        """Return what `docker …` prints; raise CommandFailed."""
        return capture(["docker", *words], {**(environment or {}), "DOCKER_HOST": self.host})

    def logs(self, container: str) -> str:
        """Return the last 20 lines of a container's log."""
        return capture(["docker", "logs", "--tail", "20", container], {"DOCKER_HOST": self.host}, both=True)

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """Return what the engine knows about a `container`, an `image` or a `volume`; None if it does not exist."""
        try:
            found: list[dict[str, Any]] = json.loads(self(kind, "inspect", name))
        except CommandFailed as failed:
            if "no such" in str(failed).lower():
                return None
            raise
        return found[0]


@dataclass(frozen=True, slots=True)
class Pulumi:
    """One stack of the checkout, and extra environment variables for its commands."""

    stack: str
    environ: Environ | None = None

    def run(self, *words: str) -> None:
        """Run `pulumi … --stack …` and let its output show; raise CommandFailed."""
        run(self._command(words), self.environ)

    def capture(self, *words: str) -> str:
        """Return what `pulumi … --stack …` prints; raise CommandFailed."""
        return capture(self._command(words), self.environ)

    def watch(self, *words: str) -> tuple[int, str]:
        """Run `pulumi … --stack …` and show its output; return the exit code and the output."""
        return watch(self._command(words), self.environ)

    def outputs(self, *, secrets: bool = False) -> dict[str, Any]:
        """Return the stack's outputs, with secret values in plain text if asked for."""
        return self._read("stack", "output", "--json", secrets=secrets)

    def config(self, *, secrets: bool = False) -> dict[str, dict[str, Any]]:
        """Return the stack's settings by full name, each with `value` and `secret`."""
        return self._read("config", "--json", secrets=secrets)

    def _read(self, *words: str, secrets: bool) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.capture(*words, *(["--show-secrets"] if secrets else [])) or "{}")
        return found

    def _command(self, words: Sequence[str]) -> list[str]:
        return ["pulumi", *words, "--stack", self.stack, "--non-interactive"]
