"""What all tests share."""

import os
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.fixtures", "tests.support.cloudflare.fixtures"]

FIRST = ("unit", "contract", "integration", "infra", "parity", "e2e", "stacks")
"""The folders of the tests, those that are fast and find most first; within one the order is random."""


def pytest_configure() -> None:
    """Forget the make that runs the tests: those that run make themselves want it as from a shell."""
    for name in ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"):
        os.environ.pop(name, None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests before the slow ones, whatever order chance has given them."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    part = path.relative_to(Path(__file__).parent).parts[0]
    return FIRST.index(part) if part in FIRST else len(FIRST)
