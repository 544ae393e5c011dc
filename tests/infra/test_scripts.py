"""Shell scripts pass shellcheck."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
SHELLS = (b"#!/bin/sh", b"#!/usr/bin/env bash", b"#!/bin/bash")


def find_scripts() -> list[Path]:
    """Return the checkout's shell scripts, found by their first lines."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    files = [CHECKOUT / name for name in listed.split("\0") if name]
    return [file for file in files if file.is_file() and _first_line(file).startswith(SHELLS)]


def _first_line(file: Path) -> bytes:
    with file.open("rb") as text:
        return text.readline()


@pytest.mark.parametrize("file", find_scripts(), ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_shellcheck_has_nothing_to_say(file: Path) -> None:
    """Every script passes shellcheck."""
    shellcheck = Path(sys.executable).with_name("shellcheck")

    done = subprocess.run([shellcheck, file], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_the_script_that_dumps_is_one_of_them() -> None:
    """The search finds scripts, such as backup.sh."""
    assert CHECKOUT / "infra" / "docker" / "backup.sh" in find_scripts()
