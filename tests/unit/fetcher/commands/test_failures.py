"""How failures read."""

import pytest

from fetcher.commands.failures import SHOWN, failure_lines
from fetcher.mining.failures import FOLDERS, MESSAGES, Failure
from schemas.ledger import Failed


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (Failure("Work", "missing"), "Work does not exist"),
        (Failure("Work", "refused", said="no way"), 'Work was refused. The server says: "no way"'),
        (Failure("Work", "unlisted"), "Work has more messages than the server lists"),
        (Failure("", "unlisted", said='() "/" "'), 'A line of its list of folders cannot be read: () "/" "'),
        (Failure("Work", "refused", 1, (7,)), "Work: 1 message refused (UID 7)"),
        (Failure("Work", "unavailable", 3_000, (1, 2)), "Work: 3,000 messages not available (UID 1, 2, …)"),
        (Failure("x" * 100, "missing"), "x" * 79 + "… does not exist"),
    ],
)
def test_a_line(failure: Failure, line: str) -> None:
    """A line says what is missing, in which folder, why, and in the server's words if there are any."""
    assert list(failure_lines([failure])) == ["The mail server did not give everything:", f"  {line}"]


def test_every_reason_has_its_words() -> None:
    """Whatever reason the ledger gives, there are words for it."""
    assert set(FOLDERS) == set(MESSAGES) == set(Failed)


def test_no_failure_no_line() -> None:
    """If all was read, nothing is said."""
    assert list(failure_lines([])) == []


def test_many_failures() -> None:
    """Of very many failures, some are shown, and the rest is counted."""
    lines = list(failure_lines([Failure(f"f{number}", "refused") for number in range(SHOWN + 1_234)]))

    assert len(lines) == SHOWN + 2
    assert lines[-1] == "  and 1,234 more"
