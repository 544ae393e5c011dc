"""A pytest plugin: sections of lines at the end of a run, whichever process a test ran in."""

from typing import Any

import pytest

Sections = dict[str, list[str]]
_SECTIONS = pytest.StashKey[Sections]()
_OUTPUT = "sections"


def add_line(config: pytest.Config, section: str, line: str) -> None:
    """Print a line in a section at the end of the run."""
    config.stash.setdefault(_SECTIONS, {}).setdefault(section, []).append(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand a worker's sections to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = session.config.stash.get(_SECTIONS, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take the sections of a worker that has ended; one that crashed has none."""
    for section, lines in getattr(node, "workeroutput", {}).get(_OUTPUT, {}).items():
        for line in lines:
            add_line(node.config, section, line)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the sections."""
    for section, lines in config.stash.get(_SECTIONS, {}).items():
        terminalreporter.section(section)
        for line in lines:
            terminalreporter.write_line(line)
