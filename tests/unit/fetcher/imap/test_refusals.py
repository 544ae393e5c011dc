"""What a refusal means for the next try."""

import pytest

from fetcher.imap.refusals import Refusal, read_refusal


@pytest.mark.parametrize(
    "answer",
    [
        "[UNAVAILABLE] User's backend down for maintenance.",
        "[SERVERBUG] Internal error occurred.",
        "[INUSE] Mailbox in use.",
        "[LIMIT] At most 10 connections.",
        "[OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)",
        "[THROTTLED] slow down",
        "[ALERT] Too many simultaneous connections. (Failure)",
        "System Error (Failure)",
        "Server Unavailable. 15",
        "User is authenticated but not connected.",
        "Request is throttled. Suggested Backoff Time: 299961 milliseconds",
        "Temporary failure, please try again later",
    ],
)
@pytest.mark.parametrize("form", ["{}", "[b'{}']", "select failed: {}", "UID command error: BAD [b'{}']"])
def test_reasons_that_pass(answer: str, form: str) -> None:
    """Codes and words that say "not now" are found in whatever form imaplib hands them on."""
    assert read_refusal(form.format(answer)) is Refusal.LATER


@pytest.mark.parametrize(
    "answer",
    ["No mailbox selected", "Mailbox not selected", "Command not valid in this state", "UID illegal in state AUTH"],
)
def test_no_open_folder(answer: str) -> None:
    """A server, or imaplib, that knows of no open folder wants it opened again."""
    assert read_refusal(answer) is Refusal.CLOSED


@pytest.mark.parametrize(
    "answer",
    ["", "cannot read it", "[NOPERM] temporarily not for you", "[NONEXISTENT] try again", "[ALERT] Disk broken", None],
)
def test_other_reasons(answer: object) -> None:
    """Any other code counts more than words, and an answer without either has no reason that would pass."""
    assert read_refusal(answer) is Refusal.NO


def test_the_name_of_a_folder_is_no_reason() -> None:
    """A folder may be named like a reason."""
    assert read_refusal('Mailbox "Temporary" does not exist', folder="Temporary") is Refusal.NO
