"""Dockerfiles pass hadolint, and name no base image of their own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
FILES = [*CHECKOUT.glob("services/Dockerfile"), *CHECKOUT.glob("tests/support/docker/*Dockerfile")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    """Every Dockerfile passes hadolint."""
    hadolint = Path(sys.executable).with_name("hadolint")

    done = subprocess.run([hadolint, file], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_no_image_is_named(file: Path) -> None:
    """Base images are build arguments without a default, so that only pinned images are used."""
    text = file.read_text("utf-8")
    stages = re.findall(r"^FROM \S+ AS (\S+)$", text, re.MULTILINE)
    bases = [base for base in re.findall(r"^FROM (\S+)", text, re.MULTILINE) if base not in stages]
    given = [re.fullmatch(r"\$\{(\w+)\}", base) for base in bases]

    assert bases
    assert [base for base, found in zip(bases, given, strict=True) if found is None] == []
    assert [found[1] for found in given if found and not re.search(rf"^ARG {found[1]}$", text, re.MULTILINE)] == []
