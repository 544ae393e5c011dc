"""A mining in words."""

import pytest

from fetcher.service.pages.words import receipt_of, time_left, view_of
from tests.support.site import FINISHED, LEDGER, mining


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "less than a minute left"),
        (50, "about 1 minute left"),
        (61, "about 2 minutes left"),
        (5400, "about 2 hours left"),
    ],
)
def test_time_left_is_no_more_exact_than_it_can_be(seconds: float, words: str) -> None:
    """The time that is left is rounded up to minutes, later to hours."""
    assert time_left(seconds) == words


def test_a_mining_without_new_mail_says_so() -> None:
    """A mining that found no new mail does not report zero contacts as its result."""
    status = mining(FINISHED, "finished", ledger=LEDGER | {"processed": 0, "contacts": {}}) | {"run": "ended"}

    view = view_of(status)

    assert "no new mail" in view.result
    assert view.found == "Nothing new"


def test_a_stopped_mining_is_not_called_finished() -> None:
    """A mining that was stopped, and has ended with what it had, is called stopped."""
    status = mining(FINISHED, "finished", ledger=LEDGER, cancelled=True) | {"run": "ended"}

    assert view_of(status).title == "Stopped"


def test_a_mining_in_line_says_its_place() -> None:
    """A mining that waits for others says which place it has, and that no step has begun."""
    status = mining(FINISHED, "queued", listed=None) | {"run": "queued", "place": 3}

    view = view_of(status)

    assert "number 3 in line" in view.remark
    assert {step.state for step in view.steps} == {"later"}


def test_a_mining_that_never_began_says_why() -> None:
    """A mining whose login was refused after it had waited is not called erased or finished."""
    told = {"run": "ended", "trouble": {"error": "The mail server refuses the password.", "code": "login"}}

    view = view_of(mining(FINISHED, "refused") | told)

    assert (view.title, view.remark) == ("Not started", "The mail server refuses the password.")


def test_a_mining_is_finished_only_once_the_service_is_done_with_it() -> None:
    """Between the end of the processor and that of the service, a mining is in its last step, not finished."""
    progress = {"state": "finished", "listed": 3936, "fetched": 3936}
    status = mining(FINISHED, "finished", ledger=LEDGER) | {"run": "running", "progress": progress}

    view = view_of(status)

    assert view.title == view.steps[-1].label
    assert [step.state for step in view.steps] == ["done"] * 5 + ["now"]
    assert not view.result


def test_a_ledger_is_two_sums() -> None:
    """Both lines of the account add up: what was on the server, and what was read."""
    counts = {"listed": 10, "fetched": 7, "skipped": {"vanished": 1}, "failed": {"refused": 2}}
    status = mining(FINISHED, "finished", ledger=counts | {"processed": 4, "duplicate": 2, "dead": {"limit": 1}})

    view = view_of(status | {"run": "ended"})

    assert [(line.label, line.total) for line in view.ledger] == [("On the mail server", 10), ("Read", 7)]
    assert [sum(count for _, count in line.parts) for line in view.ledger] == [10, 7]
    assert view.ledger[1].parts[-1] == ("Too large to process", 1)


def test_a_receipt_is_in_a_persons_words() -> None:
    """What was deleted is said without the names of our tables, and nothing of it is left out."""
    receipt = {"objects": 9, "keys": "5f", "segments": 2, "points": 30, "persons": 4, "chunks": 1}

    assert list(receipt_of(receipt)) == [
        ("Copies of your mail", 9),
        ("Temporary records", 37),
        ("Hash of what was deleted", "5f"),
    ]


def test_steps_before_the_present_one_are_done() -> None:
    """While contacts are merged, all messages count as read and the merging has its own progress."""
    status = mining(FINISHED, "refining", chunks_refined=4) | {"run": "waiting"}

    view = view_of(status | {"seconds_left": 90})

    assert [step.state for step in view.steps] == ["done"] * 4 + ["now", "later"]
    assert view.steps[4].words == "25 percent, about 2 minutes left"
    assert view.steps[2].words == "3,936 messages"


def test_a_mining_names_what_the_server_did_not_give() -> None:
    """Folders that the mail server refused are named, each with the server's own words."""
    failure = {"folder": "Work", "reason": "refused", "messages": 0, "uids": [], "said": "no way"}

    view = view_of(mining(FINISHED, "finished", ledger=LEDGER) | {"run": "ended", "failures": [failure]})

    assert view.failures == ('Work was refused. The server says: "no way"',)


def test_a_failed_mining_says_what_that_means() -> None:
    """A mining that could not be completed is called failed, and the page says that the next one reads it all again."""
    view = view_of(mining(FINISHED, "failed", ledger=LEDGER) | {"run": "ended"})

    assert view.title == "Failed"
    assert "next mining" in view.remark
