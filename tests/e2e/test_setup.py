"""A fresh clone, set up and shown by the README's commands."""

import csv
import os
import subprocess
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.skipif(not (CHECKOUT / ".git").exists(), reason="this is no clone that could be cloned")
def test_a_fresh_clone_sets_itself_up_and_plays_the_demo(tmp_path: Path) -> None:
    """`make setup` needs nothing but Python, works in a path with blanks and once; `make demo` mines twice."""
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
    assert first.startswith("Making .venv with Python 3.")
    assert again == ""
    assert mined.count("balances") == 4
    assert mined_again.count("balances") == 2
    assert "fetched 0" in mined_again
    assert len(contacts) > 300
    assert all(contact["Email"] for contact in contacts)
