"""A pytest plugin: the slowest tests at the end of a run, and how much of their time they spent waiting."""

import os
from collections.abc import Generator
from operator import attrgetter
from typing import Any

import pytest

SLOWEST = 30
LEAST_SECONDS = 0.5


def _busy_seconds() -> float:
    """Return the processor time of this process and of the children that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Measure the set-up."""
    return (yield from _measured(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Measure the test."""
    return (yield from _measured(item))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Measure what follows it."""
    return (yield from _measured(item))


_BUSY = pytest.StashKey[float]()


def _measured(item: pytest.Item) -> Generator[None, None, None]:
    before = _busy_seconds()
    try:
        return (yield)
    finally:
        item.stash[_BUSY] = _busy_seconds() - before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """Give the report what was measured; reports travel from the workers to whoever prints."""
    report = yield
    report.busy_seconds = item.stash.get(_BUSY, 0.0)
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the slowest parts of tests, with the seconds in which neither they nor their children computed."""
    reports: list[Any] = [
        report
        for kind in ("passed", "failed", "error", "")
        for report in terminalreporter.stats.get(kind, [])
        if hasattr(report, "busy_seconds") and report.duration > LEAST_SECONDS
    ]
    slowest = sorted(reports, key=attrgetter("duration"), reverse=True)[:SLOWEST]
    if not slowest:
        return
    terminalreporter.section(f"slowest {len(slowest)}: seconds, and how many of them were waiting")
    for report in slowest:
        waiting = max(0.0, report.duration - report.busy_seconds)
        name = report.nodeid.removesuffix(f"@{report.nodeid.rpartition('@')[2]}")
        terminalreporter.write_line(f"{report.duration:6.1f} {waiting:6.1f}  {report.when:<8} {name}")
