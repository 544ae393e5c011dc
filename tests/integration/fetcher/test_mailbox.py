"""Reading folders and messages from a real server."""

from collections.abc import Iterator
from datetime import date

import pytest

from fetcher.imap.connection import ConnectionLost, Connector, Credentials, FolderMissing, FolderRefused
from fetcher.imap.folders import Folder, default_folders
from fetcher.imap.mailbox import Mailbox, Opened
from fetcher.imap.source import Source
from fetcher.imap.uids import Listed
from schemas.scope import Scope
from schemas.segments import MESSAGE_CAP_BYTES, TEXT_CAP_BYTES
from schemas.uids import UidRanges
from tests.support.dovecot import Dovecot
from tests.support.odd_imap import OddFolder, OddImap

HEAD = b"From: someone@example.com\r\nSubject: hello\r\n"
DAY = 86_400


@pytest.fixture
def mailbox(connector: Connector) -> Iterator[Mailbox]:
    """Yield a connection to the test's mailbox."""
    connection = Mailbox(connector)
    yield connection
    connection.close()


def odd_mailbox(server: OddImap) -> Mailbox:
    """Return a connection to an odd server."""
    return Mailbox(Connector(Source("jane", server.host, server.port, implicit_tls=False), Credentials("secret")))


def test_folders(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """Folders have decoded names, delimiters and special uses, which determine the default folders."""
    for name in ("Projets/Été", "Drafts", "Odd bin", 'with "quotes"'):
        dovecot.make_folder(login, name)

    folders = mailbox.folders()

    assert {(folder.name, folder.delimiter) for folder in folders if folder.selectable} == {
        ("INBOX", "/"),
        ("Projets/Été", "/"),
        ("Drafts", "/"),
        ("Odd bin", "/"),
        ('with "quotes"', "/"),
    }
    assert default_folders(folders) == ["INBOX", "Projets/Été", 'with "quotes"']


def test_folders_of_a_plain_server() -> None:
    """A server without extensions lists its folders too; names that are not modified UTF-7 stay as they are."""
    with OddImap({"INBOX": OddFolder(), "&AOk-.&x": OddFolder(attributes=r"\NoSelect"), "12": OddFolder()}) as server:
        server.delimiter = "."
        mailbox = odd_mailbox(server)
        folders = mailbox.folders()
        mailbox.close()

    assert folders[0] == Folder("INBOX", frozenset(), ".")
    assert [folder.selectable for folder in folders] == [True, False, True]
    assert folders[2].name == "12"


def test_a_server_that_promises_too_much() -> None:
    """If a server announces special use but does not know RETURN, a plain LIST is sent."""
    with OddImap({"INBOX": OddFolder()}, capabilities="SPECIAL-USE LIST-EXTENDED") as server:
        mailbox = odd_mailbox(server)
        folders = mailbox.folders()
        mailbox.close()

    assert [folder.name for folder in folders] == ["INBOX"]


def test_examine_and_search(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """Opening a folder gives its UIDVALIDITY and size; a search covers all of it, or mail since a day."""
    dovecot.deliver(login, "Été", [HEAD + b"\r\n"] * 3, internal_date=1_600_000_000)
    dovecot.deliver(login, "Été", [HEAD + b"\r\n"] * 2, internal_date=1_600_000_000 + 30 * DAY)
    dovecot.expunge(login, "Été", [1])

    opened = mailbox.examine("Été")
    everything = mailbox.search(opened, since=None)
    recent = mailbox.search(opened, since=date(2020, 10, 1))

    assert opened.messages == 4
    assert opened.uidvalidity > 0
    assert mailbox.count("Été") == 4
    assert everything.joined
    assert len(everything.uids) == 4
    assert not recent.joined
    assert len(recent.uids) == 2


@pytest.mark.parametrize("messages", [0, 5])
def test_search_without_extensions(monkeypatch: pytest.MonkeyPatch, messages: int) -> None:
    """A server without ESEARCH is searched in windows of positions, so that each answer line is bounded."""
    monkeypatch.setattr("fetcher.imap.census.SEARCH_MESSAGES", 2)
    folder = OddFolder({uid * 10: HEAD + b"\r\n" for uid in range(1, messages + 1)})
    with OddImap({"INBOX": folder}) as server:
        mailbox = odd_mailbox(server)
        listed = mailbox.search(mailbox.examine("INBOX"), since=None)
        existing = mailbox.existing(UidRanges.parse("1:10,30"))
        mailbox.close()

    assert listed == Listed(UidRanges.of(folder.messages), joined=True)
    assert existing == UidRanges.of({10, 30} & set(folder.messages))


def test_a_server_that_names_what_it_was_not_asked_for() -> None:
    """UIDs that were not asked for are ignored in the server's answer."""
    with OddImap({"INBOX": OddFolder({5: HEAD + b"\r\n"})}, capabilities="ESEARCH") as server:
        mailbox = odd_mailbox(server)
        mailbox.examine("INBOX")
        server.junk = {"SEARCH": b'* ESEARCH (TAG "A1") UID ALL 4:4294967295\r\n'}
        existing = mailbox.existing(UidRanges.parse("1:5,30"))
        mailbox.close()

    assert existing == UidRanges.parse("4:5,30")


def test_folders_that_cannot_be_opened(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """A missing folder is distinguished from a refused one, and both errors name the folder."""
    dovecot.make_folder(login, "Locked")
    dovecot.refuse_folder(login, "Locked")

    with pytest.raises(FolderMissing, match="Nowhere"):
        mailbox.examine("Nowhere")
    with pytest.raises(FolderRefused, match="Locked"):
        mailbox.examine("Locked")
    assert mailbox.count("Nowhere") == 0


def test_no_uidvalidity() -> None:
    """Without a UIDVALIDITY from the server, it is 0."""
    with OddImap({"INBOX": OddFolder({1: HEAD}, uidvalidity=None)}) as server:
        mailbox = odd_mailbox(server)
        opened = mailbox.examine("INBOX")
        mailbox.close()

    assert opened == Opened(0, 1)


def test_sizes(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """Every requested UID gets its size, or 0 if the message no longer exists."""
    dovecot.deliver(login, "INBOX", [HEAD + b"\r\n" + b"x" * size for size in range(5)])
    listed = mailbox.search(mailbox.examine("INBOX"), since=None)

    sizes = list(mailbox.sizes(UidRanges.parse("2:3,5,9"), listed))

    empty = len(HEAD) + 2
    assert sizes == [(2, empty + 1), (3, empty + 2), (5, empty + 4), (9, 0)]


def test_fetch_by_scope(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """Each scope reads its part of a message (headers, 64 KB, all), and truncated messages are marked."""
    long = HEAD + b"\r\n" + b"a line of text\r\n" * 10_000
    dovecot.deliver(login, "INBOX", [HEAD + b"\r\nshort\r\n", long], internal_date=1_600_000_000)
    mailbox.examine("INBOX")
    uids = UidRanges.parse("1:2")

    headers, text, full = (mailbox.fetch(uids, scope) for scope in Scope)

    assert [headers[uid].body for uid in (1, 2)] == [HEAD + b"\r\n"] * 2
    assert [text[uid].body for uid in (1, 2)] == [HEAD + b"\r\nshort\r\n", long[:TEXT_CAP_BYTES]]
    assert [full[uid].body for uid in (1, 2)] == [HEAD + b"\r\nshort\r\n", long]
    assert [[read[uid].truncated for uid in (1, 2)] for read in (headers, text, full)] == [
        [False, False],
        [False, True],
        [False, False],
    ]
    assert [text[uid].internal_date for uid in (1, 2)] == [1_600_000_000, 1_600_000_001]


def test_fetch_does_not_mark_as_seen(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """Reading does not mark messages as seen."""
    dovecot.deliver(login, "INBOX", [HEAD + b"\r\nshort\r\n"], seen=False)
    mailbox.examine("INBOX")

    for scope in Scope:
        mailbox.fetch(UidRanges.parse("1"), scope)

    assert mailbox._client.search("UNSEEN") == [1]


def test_a_message_that_fits_exactly(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """A message of exactly the cap's size is not truncated."""
    whole = (HEAD + b"\r\n").ljust(TEXT_CAP_BYTES, b"x")
    dovecot.deliver(login, "INBOX", [whole, whole + b"y"])
    mailbox.examine("INBOX")

    read = mailbox.fetch(UidRanges.parse("1:2"), Scope.TEXT)

    assert [read[uid].truncated for uid in (1, 2)] == [False, True]


def test_a_long_header(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """A header block longer than 64 KB is read to its end, and the text after it is left out."""
    head = HEAD + b"To: " + b"someone@example.com, " * 5_000 + b"\r\n\r\n"
    dovecot.deliver(login, "INBOX", [head + b"text\r\n", HEAD + b"\r\n"])
    mailbox.examine("INBOX")

    read = mailbox.fetch(UidRanges.parse("1:2"), Scope.TEXT)

    assert read[1].body == head
    assert read[1].truncated
    assert not read[2].truncated


def test_a_huge_header(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """A header block is truncated at 4 MiB in every scope, and marked."""
    dovecot.deliver(login, "INBOX", [HEAD + b"X: y\r\n" * 1_000_000 + b"\r\ntext\r\n"])
    mailbox.examine("INBOX")

    for scope in Scope:
        read = mailbox.fetch(UidRanges.parse("1"), scope)
        assert (len(read[1].body), read[1].truncated) == (MESSAGE_CAP_BYTES, True)


def test_many_huge_headers(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """A batch of huge header blocks cannot fill the memory: only the first few are read beyond 64 KB."""
    dovecot.deliver(login, "INBOX", [HEAD + b"X: y\r\n" * 800_000 + b"\r\n"] * 6)
    mailbox.examine("INBOX")

    read = mailbox.fetch(UidRanges.parse("1:6"), Scope.TEXT)

    assert [len(read[uid].body) for uid in range(1, 7)] == [MESSAGE_CAP_BYTES] * 4 + [TEXT_CAP_BYTES] * 2
    assert all(message.truncated for message in read.values())


@pytest.mark.parametrize("body", [b"", b"x", b"\r\n", b"no header at all\r\n", b"\xff\x00\x80\r\n\r\n"])
def test_odd_bodies(dovecot: Dovecot, login: str, mailbox: Mailbox, body: bytes) -> None:
    """An empty message, or one that is not mail, is read as it is."""
    dovecot.deliver(login, "INBOX", [body])
    mailbox.examine("INBOX")

    read = mailbox.fetch(UidRanges.parse("1"), Scope.TEXT)

    assert read[1].body.replace(b"\x80", b"\x00") == body.replace(b"\x80", b"\x00")


def test_messages_that_the_server_keeps_back() -> None:
    """A NO, a BAD or a silent omission leaves messages out, and the connection stays usable."""
    messages = {uid: HEAD + b"\r\n%d" % uid for uid in range(1, 6)}
    folder = OddFolder(messages, refused={1}, malformed={2}, withheld={3})
    with OddImap({"INBOX": folder}) as server:
        mailbox = odd_mailbox(server)
        mailbox.examine("INBOX")
        read = [sorted(mailbox.fetch(UidRanges.parse(uids), Scope.TEXT)) for uids in ("1", "2", "3:5", "4:9")]
        mailbox.close()

    assert read == [[], [], [4, 5], [4, 5]]


def test_a_server_that_ignores_the_cap() -> None:
    """If a server sends more than the cap, the rest is discarded."""
    with OddImap({"INBOX": OddFolder({1: (HEAD + b"\r\n").ljust(2 * TEXT_CAP_BYTES, b"x")})}) as server:
        server.ignores_caps = True
        mailbox = odd_mailbox(server)
        mailbox.examine("INBOX")
        read = mailbox.fetch(UidRanges.parse("1"), Scope.TEXT)
        mailbox.close()

    assert (len(read[1].body), read[1].truncated) == (TEXT_CAP_BYTES, True)


def test_a_connection_that_breaks(dovecot: Dovecot, login: str, mailbox: Mailbox) -> None:
    """A broken connection raises ConnectionLost in every operation."""
    dovecot.deliver(login, "INBOX", [HEAD + b"\r\n"])
    mailbox.examine("INBOX")

    dovecot.kill_sessions()

    with pytest.raises(ConnectionLost):
        mailbox.fetch(UidRanges.parse("1"), Scope.TEXT)
    with pytest.raises(ConnectionLost):
        mailbox.folders()


def test_a_connection_that_breaks_within_a_message() -> None:
    """A message that breaks off is never taken for a complete one."""
    with OddImap({"INBOX": OddFolder({1: HEAD * 100}, fatal={1})}) as server:
        mailbox = odd_mailbox(server)
        mailbox.examine("INBOX")

        with pytest.raises(ConnectionLost):
            mailbox.fetch(UidRanges.parse("1"), Scope.FULL)
        mailbox.close()
