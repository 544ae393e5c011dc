"""Mining a real mailbox, with the services behind the fetcher in memory."""

from pathlib import Path

import pytest

from fetcher.adapters.files import FileRawStore
from fetcher.imap.connection import Connector, FolderMissing, LoginRefused
from fetcher.ports import Conflict, Unavailable
from schemas.segments import StoredMessage, folder_digest
from tests.support.dovecot import Dovecot
from tests.support.fetcher_stack import IMPATIENT, Stack, ledger_of, mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

NOTHING = {"listed": 0, "fetched": 0, "skipped": {}, "failed": {}}


class ErasableFiles(FileRawStore):
    """The store of files, with the method that the processor uses to delete objects."""

    def delete(self, key: str) -> None:
        self._path(key).unlink()


def test_a_mailbox_is_mined(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """All default folders are fetched, everything is processed, and progress is reported on the way."""
    dovecot.deliver(login, "INBOX", mails(450))
    dovecot.deliver(login, "Été", mails(30, start=1_000))
    dovecot.deliver(login, "Drafts", mails(5, start=2_000))

    outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 480, "fetched": 480, "skipped": {}, "failed": {}}
    assert (outcome.state, outcome.resumed) == ("finished", False)
    assert (stack.minings.watermark("INBOX"), stack.minings.watermark("Été")) == ("1:450", "1:30")
    assert (outcome.progress.listed, outcome.progress.fetched, outcome.progress.processed) == (480, 480, 480)
    states = dict.fromkeys(progress.state for progress in stack.seen)
    assert [state for state in states if state != "processing"] == ["connecting", "planning", "fetching", "finished"]
    assert stack.seen[-1] == outcome.progress


def test_with_the_store_of_files(dovecot: Dovecot, login: str, connector: Connector, tmp_path: Path) -> None:
    """With the real store, each segment is stored before its job is sent, and the mining finishes."""
    dovecot.deliver(login, "INBOX", mails(450))
    stack = Stack(connector, ErasableFiles(tmp_path / "raw"))

    outcome = stack.mine()

    assert ledger_of(outcome) == {"listed": 450, "fetched": 450, "skipped": {}, "failed": {}}
    assert len(stack.queue.sent) == 3


def test_again_is_free(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A second mining fetches nothing; a third one fetches only new mail."""
    dovecot.deliver(login, "INBOX", mails(250))
    stack.mine()
    first = dovecot.messages_fetched(login)

    second = stack.mine()
    after_second = dovecot.messages_fetched(login)
    dovecot.expunge(login, "INBOX", [249])
    dovecot.deliver(login, "INBOX", mails(3, start=500))
    third = stack.mine()

    assert (first, after_second, dovecot.messages_fetched(login)) == (250, 250, 253)
    assert ledger_of(second) == NOTHING
    assert ledger_of(third) == {"listed": 3, "fetched": 3, "skipped": {}, "failed": {}}
    assert stack.minings.watermark("INBOX") == "1:253"


def test_full_reads_again(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """With `full`, everything is fetched again and counted as duplicate."""
    dovecot.deliver(login, "INBOX", mails(5))
    stack.mine()

    outcome = stack.mine(full=True)

    assert ledger_of(outcome)["fetched"] == 5
    assert outcome.progress.duplicate == 5


def test_since(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """With `since`, older mail is neither listed nor covered, so a later mining reads it."""
    dovecot.deliver(login, "INBOX", mails(2), internal_date=1_500_000_000)
    dovecot.deliver(login, "INBOX", mails(3, start=10), internal_date=1_600_000_000)

    recent = stack.mine(since="2020-01-01")
    covered = stack.minings.watermark("INBOX")
    rest = stack.mine()

    assert ledger_of(recent)["listed"] == 3
    assert covered == "3:5"
    assert ledger_of(rest)["listed"] == 2
    assert stack.minings.watermark("INBOX") == "1:5"


def test_what_a_segment_says(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """A segment records each message's folder, UID, internal date, and whether it was truncated."""
    short = mails(1)[0]
    dovecot.deliver(login, "INBOX", [short, short + b"text\r\n" * 20_000], internal_date=1_600_000_000)
    stack.minings.idle = True
    stack.on_progress = lambda progress: stack.stop.set() if progress.state == "processing" else None

    stack.mine()

    assert [(segment.folder, str(segment.covers)) for segment in stack.stored()] == [(folder_digest("INBOX"), "1:2")]
    assert stack.stored()[0].messages == (
        StoredMessage(1, len(short), 1_600_000_000, False),
        StoredMessage(2, 65_536, 1_600_000_001, True),
    )


def test_a_wrong_password_begins_nothing(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """No mining begins before the login is accepted."""
    dovecot.add_user(login, "another")

    with pytest.raises(LoginRefused):
        stack.mine()

    assert stack.minings.calls == []


def test_folders_that_the_user_named(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """Named folders are mined, even Trash and the like; a missing or refused one is in the ledger, by digest."""
    dovecot.deliver(login, "Drafts", mails(3))
    dovecot.make_folder(login, "Locked")
    dovecot.refuse_folder(login, "Locked")  # Dovecot says [SERVERBUG]
    stack.pace = IMPATIENT

    outcome = stack.mine(folders=("Drafts", "Nowhere", "Locked"))

    assert ledger_of(outcome) == {"listed": 3, "fetched": 3, "skipped": {}, "failed": {}}
    assert outcome.ledger is not None
    assert outcome.ledger["folders_failed"] == {
        folder_digest("Nowhere"): "missing",
        folder_digest("Locked"): "unavailable",
    }


def test_no_folder_of_those_named(stack: Stack) -> None:
    """If none of the named folders exists, no mining begins, and the error lists existing ones."""
    with pytest.raises(FolderMissing, match=r"no folder Nowhere, Neither: .* such as INBOX"):
        stack.mine(folders=("Nowhere", "Neither"))

    assert stack.minings.calls == []


def test_an_empty_mailbox(stack: Stack) -> None:
    """A mining of an empty mailbox has an empty ledger that balances."""
    assert ledger_of(stack.mine()) == NOTHING


def test_no_uidvalidity(odd: OddImap, odd_folder: OddFolder) -> None:
    """Without a UIDVALIDITY, there is no watermark, and every mining reads the folder."""
    odd_folder.uidvalidity = None
    stack = odd_stack(odd)

    first, second = stack.mine(), stack.mine()

    assert ledger_of(first)["fetched"] == ledger_of(second)["fetched"] == 450
    assert stack.minings.marks == {}


def test_a_mining_that_has_ended(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """For a mining that has ended, its ledger and receipt are returned, and nothing is fetched."""
    dovecot.deliver(login, "INBOX", mails(3))
    first = stack.mine(id="0f8fad5b-d9cb-469f-a165-70867728950e")

    again = stack.mine(id="0f8fad5b-d9cb-469f-a165-70867728950e")

    assert ledger_of(again) == ledger_of(first)
    assert dovecot.messages_fetched(login) == 3


def test_held_by_another(stack: Stack) -> None:
    """If another fetcher reads the source, it is a Conflict with the processor's sentence."""
    stack.stop.set()
    stack.mine(holder="another")
    stack.stop.clear()
    next(iter(stack.minings.minings.values())).held = True

    with pytest.raises(Conflict, match="Another fetcher"):
        stack.mine()


def test_a_processor_that_is_not_there(stack: Stack) -> None:
    """If the processor does not answer at begin, the mining gives up after a while."""
    stack.minings.down = True

    with pytest.raises(Unavailable, match="processor"):
        stack.mine()


def test_a_stranger_in_the_sent_folder_is_perhaps_the_user(dovecot: Dovecot, login: str, stack: Stack) -> None:
    """Who wrote the user's sent mail and is not known as the user is named in the outcome."""
    dovecot.deliver(login, "INBOX", mails(5))
    dovecot.deliver(login, "Sent", [b"From: Me <me@work.example>\r\nMessage-ID: <s@x>\r\n\r\n", *mails(1, start=7)])

    first = stack.mine(me=("a0@example.com",))
    second = stack.mine()

    assert first.perhaps_own == ("me@work.example",)
    assert second.perhaps_own == ()
