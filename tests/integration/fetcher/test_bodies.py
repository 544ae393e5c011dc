"""Servers that send something else than the message that they were asked for."""

import re
from collections.abc import Iterator

import pytest

from fetcher.imap.connection import Connector, Credentials
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.source import Source
from schemas.scope import Scope
from schemas.segments import TEXT_CAP_BYTES, Segment
from schemas.uids import UidRanges
from tests.support.fetcher_fakes import MemoryRawStore
from tests.support.fetcher_stack import ledger_of, mails, odd_stack
from tests.support.imap.commands import Command
from tests.support.imap.faults import changed, on, overstated, rewritten, understated
from tests.support.imap.mail import Folder
from tests.support.imap.server import Fault, ImapServer

MESSAGES = 60
WHOLE = {"listed": 60, "fetched": 60, "skipped": {}, "failed": {}}
ODD_ONES = (7, 8, 60)
PART = rb"(UID (?:7|8|60) .*?BODY\[[^\]]*\]<0>) \{\d+\}\r\n.*"
ANOTHER = b"From: x@example.net\r\nMessage-ID: <x@example.net>\r\n\r\n"
BODIES: dict[str, Fault] = {
    "empty": rewritten(PART, rb"\1 {0}\r\n)\r\n"),
    "empty string": rewritten(PART, rb'\1 "")\r\n'),
    "NIL": rewritten(PART, rb"\1 NIL)\r\n"),
    "twice": changed(lambda response: twice(response)),
    "two bodies": changed(lambda response: two_bodies(response)),
    "too short": overstated(5, *ODD_ONES),
    "shorter by the end of the answer": overstated(20, *ODD_ONES),
    "much too short": overstated(4_000, *ODD_ONES),
    "too long": understated(5, *ODD_ONES),
    "no end": rewritten(PART, rb"\1 {3}\r\nabc\r\n"),
}


@pytest.fixture
def folder() -> Folder:
    """Return a folder of 60 messages, whose UIDs are 1 to 60."""
    return Folder(dict(enumerate(mails(MESSAGES), start=1)))


@pytest.fixture
def server(folder: Folder) -> Iterator[ImapServer]:
    """Yield a server with that folder as INBOX."""
    with ImapServer({"INBOX": folder}) as running:
        yield running


def is_odd(response: bytes) -> bool:
    """Return whether a response is about one of the odd messages."""
    return any(b"UID %d " % uid in response for uid in ODD_ONES) and b"BODY" in response


def twice(response: bytes) -> bytes:
    """Send one more body for the same message, in a response of its own."""
    if not is_odd(response):
        return response
    return response + re.sub(rb"\{\d+\}\r\n.*", b"{%d}\r\n%s)\r\n" % (len(ANOTHER), ANOTHER), response, flags=re.DOTALL)


def two_bodies(response: bytes) -> bytes:
    """Send one more body in the same response."""
    if not is_odd(response):
        return response
    return b"%s BODY[] {%d}\r\n%s)\r\n" % (response[: -len(b")\r\n")], len(ANOTHER), ANOTHER)


class KeepingStore(MemoryRawStore):
    """A store that remembers the body of each message that was ever stored, by its UID."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[int, bytes] = {}

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        if not key.endswith("/plan"):
            segment, bodies = Segment.decode(data)
            self.bodies |= {message.uid: body for message, body in segment.bodies(bodies)}
        return super().put(key, data, if_absent=if_absent)


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("fault", BODIES.values(), ids=BODIES)
def test_what_is_not_the_message(server: ImapServer, folder: Folder, fault: Fault, connections: int) -> None:
    """A body that cannot be the message is asked for again alone, then refused; it is never stored nor covered."""
    server.faults.append(on("UID FETCH", fault, containing=b"BODY"))
    store = KeepingStore()
    stack = odd_stack(server, raw_store=store, read_timeout_seconds=60.0)

    outcome = stack.mine(connections=connections)

    assert ledger_of(outcome) == {"listed": 60, "fetched": 57, "skipped": {}, "failed": {"refused": 3}}
    assert stack.minings.watermark("INBOX") == "1:6,9:59"
    assert store.bodies == {uid: body for uid, body in folder.messages.items() if uid not in ODD_ONES}


@pytest.mark.parametrize("fault", BODIES.values(), ids=BODIES)
def test_what_is_not_the_message_at_first(server: ImapServer, folder: Folder, fault: Fault) -> None:
    """If the server sends the message the next time, nothing is missing."""
    server.faults.append(on("UID FETCH", fault, containing=b"BODY", times=1))
    store = KeepingStore()

    outcome = odd_stack(server, raw_store=store, read_timeout_seconds=60.0).mine()

    assert ledger_of(outcome) == WHOLE
    assert store.bodies == folder.messages


@pytest.mark.parametrize("size", [b"0", b"1", b"99999", b"x"])
def test_sizes_that_are_guesses(server: ImapServer, folder: Folder, size: bytes) -> None:
    """A wrong RFC822.SIZE, as from Exchange, costs no message and no further command."""
    server.faults.append(on("UID FETCH", rewritten(rb"RFC822.SIZE \d+", b"RFC822.SIZE " + size)))
    store = KeepingStore()

    outcome = odd_stack(server, raw_store=store).mine()

    assert ledger_of(outcome) == WHOLE
    assert store.bodies == folder.messages
    assert server.count("UID FETCH") == 2


def test_mail_about_imap(server: ImapServer, folder: Folder) -> None:
    """A message that contains the responses of a server is read, even if its size is wrong."""
    folder.messages[5] += (
        b"* 4 FETCH (UID 4 BODY[] {3}\r\nabc)\r\n* 5 FETCH (UID 5 BODY[] {3}\r\nabc)\r\nA1 OK done\r\n"
    )
    server.faults.append(on("UID FETCH", rewritten(rb"RFC822.SIZE \d+", b"RFC822.SIZE 2")))
    store = KeepingStore()

    outcome = odd_stack(server, raw_store=store).mine()

    assert ledger_of(outcome) == WHOLE
    assert store.bodies == folder.messages


@pytest.mark.parametrize("scope", list(Scope))
def test_a_server_that_ignores_the_partial_range(server: ImapServer, folder: Folder, scope: Scope) -> None:
    """Of longer messages, only what was asked for is kept, and they are marked."""
    folder.messages = {uid: message.ljust(100_000, b"x") for uid, message in folder.messages.items()}
    server.ignores_caps = True
    connector = Connector(Source("jane", server.host, server.port, implicit_tls=False), Credentials("secret"))
    mailbox = Mailbox(connector)
    mailbox.examine("INBOX")

    read = mailbox.fetch(UidRanges.parse("1:60"), scope)
    mailbox.close()

    kept = {Scope.HEADERS: None, Scope.TEXT: TEXT_CAP_BYTES, Scope.FULL: 100_000}[scope]
    assert len(read) == MESSAGES
    assert all(kept is None or each.body == folder.messages[uid][:kept] for uid, each in read.items())
    assert {each.truncated for each in read.values()} == {scope is Scope.TEXT}


def test_more_than_an_answer_may_have(server: ImapServer, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Messages for which an answer has no room left are asked for again, in smaller batches."""
    monkeypatch.setattr("fetcher.imap.wire.BODIES_BYTES", 700)
    store = KeepingStore()

    outcome = odd_stack(server, raw_store=store).mine()

    assert ledger_of(outcome) == WHOLE
    assert store.bodies == folder.messages


def test_a_flood_of_lines(server: ImapServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer with endless lines breaks the connection before it fills the memory."""
    monkeypatch.setattr("fetcher.imap.wire.LINES_BYTES", 50_000)

    def flood(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        while not server.closing.is_set():
            yield b"* 1 FETCH (FLAGS (\\Seen))\r\n"

    server.faults.append(on("UID FETCH", flood, containing=b"BODY", times=1))

    assert ledger_of(odd_stack(server).mine()) == WHOLE


def test_messages_that_are_larger_than_announced(
    server: ImapServer, folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment that fills the memory, because the server's sizes are wrong, is stored as far as it was read."""
    monkeypatch.setattr("fetcher.imap.wire.BODIES_BYTES", 700)
    monkeypatch.setattr("fetcher.imap.reading.READING_BYTES", 2_000)
    server.faults.append(on("UID FETCH", rewritten(rb"RFC822.SIZE \d+", b"RFC822.SIZE 1")))

    outcome = odd_stack(server).mine()

    assert outcome.ledger is not None
    assert list(outcome.ledger["failed"]) == ["refused"]
    assert 20 < outcome.ledger["fetched"] < 40
