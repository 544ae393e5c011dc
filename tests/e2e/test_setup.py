"""Set up a fresh clone and run the demo with the README's commands."""

import csv
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TOOLS = ("cat", "cksum", "dirname", "rm", "sed", "sh")


@pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="this checkout is not a git repository")
def test_a_fresh_clone_sets_itself_up_and_plays_the_demo(tmp_path: Path) -> None:
    """`make setup` needs only Python, works in a path with spaces and does nothing again; `make demo` mines twice."""
    clone = tmp_path / "a fresh clone"
    subprocess.run(["git", "clone", "-q", CHECKOUT, clone], check=True)
    environment = {name: os.environ[name] for name in os.environ if not name.startswith(("VIRTUAL_ENV", "LEADMINER_"))}

    def make(target: str) -> str:
        done = subprocess.run(["make", target], cwd=clone, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    first, again, shown = make("setup"), make("setup"), make("demo")

    with (clone / "demo-out" / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        contacts = list(csv.DictReader(file))
    mined, mined_again = shown.split("Mine it again")
    assert first.startswith("Creating .venv with Python 3.")
    assert re.search(r"^Installing \d{2,} locked packages, about \d+ MB on disk", first, re.MULTILINE)
    assert again == ""
    assert mined.count("balances") == 2
    assert "Nothing new since" in mined_again
    assert len(contacts) > 300
    assert all(contact["Email"] for contact in contacts)


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """Return a checkout that is not set up, with a folder `bin` of the only programs that it will find."""
    shutil.copytree(CHECKOUT / "requirements", tmp_path / "requirements")
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or tool)
    return tmp_path


def run_setup(bare: Path, python: str = "", **environment: str) -> str:
    """Run the setup with this script as its only Python; it must fail. Return its error output."""
    if python:
        script = bare / "bin" / "python3"
        script.write_text(f"#!/bin/sh\n{python}\n")
        script.chmod(0o755)
    environment |= {"PATH": str(bare / "bin")}
    done = subprocess.run(
        ["sh", "requirements/setup.sh"], cwd=bare, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    return done.stderr


def test_an_old_python_is_named(bare: Path) -> None:
    """The error names the version found, the version needed, and how to choose another."""
    said = run_setup(bare, python='[ "$1" = --version ] && echo Python 3.9.2 || exit 1')

    assert "Python 3.11 or newer is required, but this machine has Python 3.9.2." in said
    assert "make setup PYTHON=" in said


def test_no_python_is_told(bare: Path) -> None:
    """If there is no Python at all, the message says so."""
    assert "this machine has no python3." in run_setup(bare)


def test_a_missing_venv_is_told_with_its_package(bare: Path) -> None:
    """The error names the Debian package that contains venv."""
    said = run_setup(bare, python=f'case "$*" in *ensurepip*) exit 1;; esac\nexec {sys.executable} "$@"')

    assert "apt-get install python3-venv" in said


def test_a_wrong_choice_of_python_is_told(bare: Path) -> None:
    """What PYTHON names has to be a Python that is new enough."""
    assert "PYTHON is '/bin/false', which is not Python 3.11 or newer." in run_setup(bare, PYTHON="/bin/false")
