"""Other programs, run as they are typed: what they print is seen while they work."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


class StepFailed(Exception):
    """A step of the pipeline could not be done; the text says why, and what to do."""


def run(command: Sequence[str], environ: Mapping[str, str] | None = None, *, text: str | None = None) -> None:
    """Run a program in the checkout, `text` on its standard input; raise StepFailed where it fails."""
    _say(command)
    try:
        done = subprocess.run(command, cwd=CHECKOUT, env=_environment(environ), input=text, text=True, check=False)
    except FileNotFoundError:
        raise _missing(command) from None
    if done.returncode:
        raise StepFailed(f"{command[0]} ended with {done.returncode}; the reason stands above.")


def capture(command: Sequence[str], environ: Mapping[str, str] | None = None) -> str:
    """Return what a program prints, without showing it; raise StepFailed with its own words where it fails."""
    try:
        done = subprocess.run(
            command, cwd=CHECKOUT, env=_environment(environ), capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise _missing(command) from None
    if done.returncode:
        raise StepFailed(f"{shlex.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def watch(command: Sequence[str], environ: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program, show what it prints and return it too, both streams as one, after the exit code."""
    _say(command)
    printed: list[str] = []
    try:
        with subprocess.Popen(
            command,
            cwd=CHECKOUT,
            env=_environment(environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                sys.stdout.write(line)
                sys.stdout.flush()
                printed.append(line)
    except FileNotFoundError:
        raise _missing(command) from None
    return process.returncode, "".join(printed)


def _environment(extra: Mapping[str, str] | None) -> dict[str, str]:
    return {**os.environ, **(extra or {})}


def _say(command: Sequence[str]) -> None:
    sys.stdout.write(f"$ {shlex.join(command)}\n")
    sys.stdout.flush()


def _missing(command: Sequence[str]) -> StepFailed:
    return StepFailed(f"There is no {command[0]} here: install it, and see that PATH leads to it.")
