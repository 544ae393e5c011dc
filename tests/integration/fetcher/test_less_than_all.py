"""Servers whose lists of messages are not complete."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from tests.support.fetcher_stack import ledger_of, mails, odd_stack
from tests.support.imap.commands import Command
from tests.support.imap.faults import first_saying, instead, on, refused, rewritten, without
from tests.support.imap.mail import Folder
from tests.support.imap.server import Fault, HangUp, ImapServer

WHOLE = {"listed": 60, "fetched": 60, "skipped": {}, "failed": {}}
NOTHING = {"listed": 0, "fetched": 0, "skipped": {}, "failed": {}}
SHORT = rewritten(rb" (7|8|59)(?= |\r)", b"")
SHORT_RANGES = rewritten(rb"(?<=[ ,])(7|8|59),", b"")
SEARCHES: dict[str, Fault] = {
    "less than there is": SHORT,
    "nothing": rewritten(rb"SEARCH.*", b"SEARCH\r\n"),
    "no answer": without(rb"SEARCH"),
    "NO": refused("NO [SERVERBUG] try later"),
    "BAD": refused("BAD what?"),
    "not numbers": rewritten(rb"SEARCH.*", b"SEARCH NIL x 0 99999999999\r\n"),
}
EXTENDED_SEARCHES: dict[str, Fault] = {
    "less than there is": SHORT_RANGES,
    "nothing": rewritten(rb" ALL .*", b"\r\n"),
    "no answer": without(rb"ESEARCH"),
    "the other kind": instead(b"* SEARCH 1 2 3\r\n"),
    "positions": rewritten(rb" UID ALL.*", b" ALL 1:60\r\n"),
    "RETURN refused": refused("BAD what?"),
}


@pytest.fixture
def folder() -> Folder:
    """Return a folder of 60 messages, whose UIDs are 1 to 60."""
    return Folder(dict(enumerate(mails(60), start=1)))


def both_searches(fault: Fault) -> Fault:
    """Apply a fault to each search."""
    return on("UID SEARCH", fault)


@pytest.mark.parametrize("fault", EXTENDED_SEARCHES.values(), ids=EXTENDED_SEARCHES)
def test_an_extended_search_that_is_not_all(folder: Folder, fault: Fault) -> None:
    """If ESEARCH does not list as many messages as there are, a plain search does."""
    faults = [on("UID SEARCH", fault, containing=b"RETURN")]
    with ImapServer({"INBOX": folder}, capabilities="ESEARCH", faults=faults) as server:
        stack = odd_stack(server)
        outcome = stack.mine()

    assert ledger_of(outcome) == WHOLE
    assert stack.minings.watermark("INBOX") == "1:60"


@pytest.mark.parametrize("fault", SEARCHES.values(), ids=SEARCHES)
def test_searches_that_are_not_all(folder: Folder, fault: Fault) -> None:
    """If no search lists as many messages as there are, FETCH lists them."""
    with ImapServer({"INBOX": folder}, faults=[both_searches(fault)]) as server:
        stack = odd_stack(server)
        outcome = stack.mine()

    assert ledger_of(outcome) == WHOLE
    assert stack.minings.watermark("INBOX") == "1:60"


@pytest.mark.parametrize("listing", [without(rb"FETCH \(UID (7|8|59)\)"), refused("BAD what?")], ids=["less", "BAD"])
def test_what_no_answer_lists(folder: Folder, listing: Fault) -> None:
    """What is listed is read, the rest is in the ledger, and no watermark joins across what was not listed."""
    faults = [both_searches(SHORT), on("FETCH", listing)]
    with ImapServer({"INBOX": folder}, faults=faults) as server:
        stack = odd_stack(server)
        outcome = stack.mine()
        server.faults.clear()
        healed = stack.mine()

    assert ledger_of(outcome) == {"listed": 57, "fetched": 57, "skipped": {}, "failed": {}}
    assert outcome.ledger is not None
    assert list(outcome.ledger["folders_failed"].values()) == ["unlisted"]
    assert ledger_of(healed) == {"listed": 3, "fetched": 3, "skipped": {}, "failed": {}}
    assert stack.minings.watermark("INBOX") == "1:60"


def test_a_folder_that_nothing_lists(folder: Folder) -> None:
    """A folder in which nothing is listed although it has mail is not an empty one."""
    faults = [both_searches(SEARCHES["nothing"]), on("FETCH", without(rb"FETCH"))]
    with ImapServer({"INBOX": folder}, faults=faults) as server:
        outcome = odd_stack(server).mine()

    assert ledger_of(outcome) == NOTHING
    assert outcome.ledger is not None
    assert list(outcome.ledger["folders_failed"].values()) == ["unlisted"]


@pytest.mark.parametrize("fault", SEARCHES.values(), ids=SEARCHES)
@pytest.mark.parametrize("containing", [b"SINCE", b"BEFORE"])
def test_a_search_by_day_that_is_not_all(folder: Folder, containing: bytes, fault: Fault) -> None:
    """With `--since`, older and newer messages together must be all, or FETCH tells them apart."""
    folder.dates = {uid: datetime(2020, 1 + uid % 2, 3, tzinfo=UTC) for uid in folder.messages}
    faults = [on("UID SEARCH", fault, containing=containing)]
    with ImapServer({"INBOX": folder}, faults=faults) as server:
        stack = odd_stack(server)
        outcome = stack.mine(since="2020-02-01")

    assert ledger_of(outcome) == {"listed": 30, "fetched": 30, "skipped": {}, "failed": {}}
    assert stack.minings.watermark("INBOX") == ",".join(map(str, range(1, 61, 2)))
    assert outcome.ledger is not None
    assert outcome.ledger["folders_failed"] == {}


NO_COUNT, NO_VALIDITY = without(rb"EXISTS"), without(rb"UIDVALIDITY")
NIL_VALIDITY = rewritten(rb"UIDVALIDITY 7", b"UIDVALIDITY NIL")


@pytest.mark.parametrize("fault", [NO_COUNT, NO_VALIDITY, NIL_VALIDITY], ids=["EXISTS", "UIDVALIDITY", "NIL"])
@pytest.mark.parametrize("times", [1, None], ids=["once", "always"])
def test_a_folder_that_opens_without_its_numbers(folder: Folder, fault: Fault, times: int | None) -> None:
    """The server is asked again; after that STATUS counts the messages, and without UIDVALIDITY nothing is covered."""
    with ImapServer({"INBOX": folder}, faults=[on("EXAMINE", fault, times=times)]) as server:
        stack = odd_stack(server)
        outcome = stack.mine()

    covered = times == 1 or fault is NO_COUNT
    assert ledger_of(outcome) == WHOLE
    assert [str(mark.uids) for mark in stack.minings.marks.values()] == ["1:60"] * covered


def test_a_folder_that_nobody_counts(folder: Folder) -> None:
    """A folder whose size the server never says has failed."""
    faults = [on("EXAMINE", without(rb"EXISTS")), on("STATUS", refused())]
    with ImapServer({"INBOX": folder}, faults=faults) as server:
        outcome = odd_stack(server).mine()

    assert outcome.ledger is not None
    assert list(outcome.ledger["folders_failed"].values()) == ["refused"]


def test_messages_that_only_seem_to_vanish(folder: Folder) -> None:
    """A message that the server does not send, and whose existence it denies, is failed if the folder counts it."""
    faults = [
        on("UID FETCH", without(rb"UID 7 "), containing=b"BODY"),
        on("UID FETCH", without(rb"UID 7\)")),
        on("UID SEARCH", rewritten(rb"SEARCH 7\r", b"SEARCH\r"), containing=b"UID"),
    ]
    with ImapServer({"INBOX": folder}, faults=faults) as server:
        stack = odd_stack(server)
        outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 60, "fetched": 59, "skipped": {}, "failed": {"refused": 1}}
    assert stack.minings.watermark("INBOX") == "1:6,8:60"


def test_a_folder_that_changes_while_it_is_listed(folder: Folder) -> None:
    """A message that is expunged between EXAMINE and SEARCH is not missed."""

    def expunge(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        folder.messages.pop(9, None)
        return first_saying(b"* 9 EXPUNGE\r\n")(command, answer)

    with ImapServer({"INBOX": folder}, faults=[on("UID SEARCH", expunge, times=1)]) as server:
        outcome = odd_stack(server).mine()

    assert ledger_of(outcome) == {"listed": 59, "fetched": 59, "skipped": {}, "failed": {}}
    assert outcome.ledger is not None
    assert outcome.ledger["folders_failed"] == {}


def test_a_folder_that_is_another_one_when_opened_again(folder: Folder) -> None:
    """A folder that is recreated while it is listed is listed from the beginning."""

    def recreate(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        folder.uidvalidity = 8
        return SHORT(command, answer)

    with ImapServer({"INBOX": folder}, faults=[on("UID SEARCH", recreate, times=1)]) as server:
        stack = odd_stack(server)
        outcome = stack.mine()

    assert ledger_of(outcome) == WHOLE
    assert [mark.uidvalidity for mark in stack.minings.marks.values()] == [8]


def test_a_connection_that_breaks_in_a_list(folder: Folder) -> None:
    """A list that breaks off in the middle is asked for again."""

    def break_off(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        yield next(answer)[:20]
        raise HangUp

    with ImapServer({"INBOX": folder}, faults=[on("UID SEARCH", break_off, times=1)]) as server:
        outcome = odd_stack(server).mine()

    assert ledger_of(outcome) == WHOLE
