"""The images' recipes: without what hadolint warns of."""

import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = [*CHECKOUT.glob("services/*/Dockerfile"), *CHECKOUT.glob("tests/support/docker/*Dockerfile")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    """Each Dockerfile passes its linter, whose exceptions stand in it with their reason."""
    hadolint = Path(sys.executable).with_name("hadolint")

    done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")
