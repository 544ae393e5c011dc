"""What all tests share."""

import os
import signal
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.fixtures", "tests.support.cloudflare.fixtures"]

FIRST = ("unit", "contract", "integration", "infra", "parity", "e2e", "stacks")
"""The folders of the tests, those that are fast and find most first; within one the order is random."""


def pytest_configure() -> None:
    """Make the run what it is in a shell: no variables of the make around it, and Ctrl-C reaches what tests start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"):
        os.environ.pop(name, None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests before the slow ones, whatever order chance has given them."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    part = path.relative_to(Path(__file__).parent).parts[0]
    return FIRST.index(part) if part in FIRST else len(FIRST)
