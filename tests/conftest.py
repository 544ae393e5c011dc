"""Plugins, order and environment of all tests."""

import os
import signal
from pathlib import Path

import pytest

pytest_plugins = ["tests.support.fixtures", "tests.support.cloudflare.fixtures"]

FIRST = ("unit", "contract", "integration", "infra", "parity", "e2e", "stacks")
"""The test folders in order: fast tests that find the most come first. Within a folder the order is random."""


def pytest_configure() -> None:
    """Make a run under `make` like one in a shell: unset make's variables, and let Ctrl-C reach child processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"):
        os.environ.pop(name, None)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests before the slow ones, even in a random order."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    part = path.relative_to(Path(__file__).parent).parts[0]
    return FIRST.index(part) if part in FIRST else len(FIRST)
