"""The tables of `docs/operations.md` are what the code does."""

from typing import Any

import pytest

from fetcher.exits import Exit
from processor.entry_container import EXIT_SETTINGS, EXIT_UNAVAILABLE
from schemas.ledger import Dead, Failed, Skipped, Verdict
from tests.unit.docs.calls import FETCHER, calls
from tests.unit.docs.pages import bare, read_page, table

PAGE = read_page("docs/operations.md")
LOGGERS = ("debug", "info", "warning", "error", "critical", "exception")


def test_exit_codes() -> None:
    """The table of exit codes is the one that `leadminer --help` shows."""
    assert [(int(code), meaning) for code, meaning in table(PAGE, "code")] == [(int(e), e.meaning) for e in Exit]


def test_exit_codes_of_the_processor() -> None:
    """A sentence below the table has the processor's own codes."""
    assert f"{EXIT_SETTINGS} for wrong settings, {EXIT_UNAVAILABLE} if a database cannot be opened" in PAGE


def test_log_events() -> None:
    """Every event that a processor or the service logs has a row, which says where the event comes from."""
    logged: dict[str, set[str]] = {}
    for file, function, arguments in calls():
        if function in {f"log.{level}" for level in LOGGERS}:
            logged.setdefault(arguments[0], set()).add("container")
        elif function == "log_event":
            logged.setdefault(arguments[0], set()).add("Worker")
            assert file.startswith(("adapters/cloudflare/", "entry_worker"))
        elif function == "self._alert":
            logged.setdefault(arguments[0], set()).update({"container", "Worker"})
    for file, function, arguments in calls(FETCHER):
        if (
            function in {f"log.{level}" for level in LOGGERS} and file != "embedded/keeper.py"
        ):  # it writes prose, to keeper.log
            logged.setdefault(arguments[0], set()).add("service")

    assert {bare(event): set(where.split(", ")) for event, where, _ in table(PAGE, "event")} == logged


def test_reasons_of_the_ledger() -> None:
    """Every reason of every column has a row."""
    reasons: dict[str, set[Any]] = {"skipped": set(Skipped), "failed": set(Failed), "dead": set(Dead)}
    known = {(column, str(reason)) for column, words in reasons.items() for reason in words}

    assert {(column, bare(reason)) for column, reason, _ in table(PAGE, "column")} == known


@pytest.mark.parametrize("verdict", Verdict)
def test_verdicts(verdict: Verdict) -> None:
    """The section on the report names every verdict on an address."""
    assert f"`{verdict}`" in PAGE.partition("## The report")[2].partition("## Logs")[0]
