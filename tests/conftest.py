"""What all tests share: the order in which they run, and who runs beside whom."""

import os
import signal
from pathlib import Path

import pytest

pytest_plugins = [
    "tests.support.fixtures",
    "tests.support.chromium",
    "tests.support.cloudflare.fixtures",
    "tests.support.sections",
    "tests.support.waiting",
]

FIRST = ("unit", "stacks", "e2e", "parity", "contract", "integration", "infra")
"""The folders in the order in which they start: fast tests that find the most, then the longest. Within one, chance."""
SHARED = (
    ({"docker_engine", "account"}, "stacks in an account"),
    ({"docker_engine"}, "stacks on one server"),
    ({"shared_deployment"}, "worker"),
)
"""Fixtures that take long to start or exist once: tests that ask for the same ones run one after another."""
MOST_WORKERS = 8


def pytest_configure() -> None:
    """Make a run under `make` like one in a shell: unset make's variables, and let Ctrl-C reach child processes."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("ARGS", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "MFLAGS"):
        os.environ.pop(name, None)


def pytest_xdist_auto_num_workers() -> int:
    """Return how many tests run side by side with `-n auto`: most of them wait for servers, so twice the processors."""
    return min(2 * (os.cpu_count() or 1), MOST_WORKERS)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Keep tests together that share servers, or a file with its fixtures; a test can name a group of its own."""
    if item.get_closest_marker("xdist_group"):
        return
    names = set(getattr(item, "fixturenames", ()))
    group = next((group for fixtures, group in SHARED if fixtures <= names), _place(item.path))
    item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the fast tests before the slow ones, even in a random order."""
    items.sort(key=lambda item: _rank(item.path))


def _rank(path: Path) -> int:
    part = _place(path).partition("/")[0]
    return FIRST.index(part) if part in FIRST else len(FIRST)


def _place(path: Path) -> str:
    return path.relative_to(Path(__file__).parent).as_posix()
