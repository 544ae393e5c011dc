"""A read-only IMAP server on loopback for the sample mailbox: twisted's protocol over messages in memory.

It adds what twisted lacks or does one message at a time: special use in LIST, partial FETCH, searches by range.
"""

import bisect
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from twisted.cred.error import UnauthorizedLogin
from twisted.internet import reactor, stdio
from twisted.internet.protocol import Factory, Protocol
from twisted.mail import imap4
from zope.interface import implementer

from demo.mailbox import FOLDERS, MESSAGES, SEED, Item, generate_mailbox

LOGIN = b"demo"
UIDVALIDITY = 20261101
WRITE_BYTES = 256 * 1024


@implementer(imap4.IMailbox, imap4.ISearchableMailbox)
class Folder:
    """One folder: its messages in UID order. Every tenth UID is missing, since real mailboxes have gaps too."""

    def __init__(self, name: str, items: Iterable[Item]) -> None:
        self.attribute = FOLDERS[name]
        self.items = list(items)
        self.uids = [position + position // 9 + 1 for position in range(len(self.items))]

    def getFlags(self) -> list[str]:
        return [self.attribute] if self.attribute else []

    def getHierarchicalDelimiter(self) -> str:
        return "/"

    def getUIDValidity(self) -> int:
        return UIDVALIDITY

    def getUIDNext(self) -> int:
        return (self.uids[-1] if self.uids else 0) + 1

    def getMessageCount(self) -> int:
        return len(self.items)

    def getRecentCount(self) -> int:
        return 0

    def getUnseenCount(self) -> int:
        return sum(not item.flags for item in self.items)

    def getUID(self, position: int) -> int:
        return self.uids[position - 1]

    def isWriteable(self) -> bool:
        return False

    def addListener(self, _: object) -> None:
        """Nothing ever changes here."""

    def removeListener(self, _: object) -> None:
        """Nothing ever changes here."""

    def requestStatus(self, names: Iterable[str]) -> dict[str, Any]:
        status: dict[str, Any] = imap4.statusRequestHelper(self, names)
        return status

    def search(self, query: list[Any], uid: bool) -> list[int]:  # noqa: ARG002 - twisted turns them into UIDs
        """Return the positions that match a query of sequence ranges, UID ranges, ALL and SINCE."""
        found = set(range(1, len(self.items) + 1))
        words = iter(query)
        for word in words:
            match word.upper():
                case b"ALL":
                    continue
                case b"UID":
                    found &= {position for position, _ in self.chosen(imap4.parseIdList(next(words)), by_uid=True)}
                case b"SINCE":
                    since = datetime.combine(_day(next(words)), time(), UTC)
                    found &= {position for position in found if self.items[position - 1].arrived >= since}
                case _:
                    found &= {position for position, _ in self.chosen(imap4.parseIdList(word), by_uid=False)}
        return sorted(found)

    def chosen(self, messages: Any, *, by_uid: bool) -> Iterator[tuple[int, int]]:
        """Yield the position and UID of each message in a set."""
        numbers: Any = self.uids if by_uid else range(1, len(self.items) + 1)
        messages.last = numbers[-1] if numbers else 0
        for number in messages:
            position = bisect.bisect_left(numbers, number)
            if position < len(numbers) and numbers[position] == number:
                yield position + 1, self.uids[position]


def _day(text: bytes) -> date:
    return datetime.strptime(text.decode("ascii"), "%d-%b-%Y").replace(tzinfo=UTC).date()


@implementer(imap4.IAccount)
class Account:
    """The only account; it has all folders."""

    def __init__(self, items: Iterable[Item]) -> None:
        by_folder: dict[str, list[Item]] = {name: [] for name in FOLDERS}
        for item in items:
            by_folder[item.folder].append(item)
        self.folders = {name: Folder(name, there) for name, there in by_folder.items()}

    def listMailboxes(self, reference: str, wildcard: str) -> list[tuple[str, Folder]]:
        pattern = imap4.wildcardToRegexp(reference + wildcard, "/")
        return [(name, folder) for name, folder in self.folders.items() if pattern.match(name)]

    def select(self, name: str, _: bool) -> Folder | None:
        folder = self.folders.get("INBOX" if name.upper() == "INBOX" else name)
        return folder if folder and folder.attribute != "\\Noselect" else None


class Server(imap4.IMAP4Server):
    """One connection."""

    def __init__(self, account: Account, password: bytes) -> None:
        super().__init__()
        self.only_account = account
        self.password = password

    def capabilities(self) -> dict[bytes, Any]:
        return {b"SPECIAL-USE": None}

    def authenticateLogin(self, user: bytes, passwd: bytes) -> tuple[Any, Account, Any]:
        if (user, passwd) != (LOGIN, self.password):
            raise UnauthorizedLogin
        return imap4.IAccount, self.only_account, lambda: None

    def do_FETCH(self, tag: bytes, messages: Any, query: list[Any], uid: int = 0) -> None:
        folder: Folder = self.mbox
        written: list[bytes] = []
        for position, number in folder.chosen(messages, by_uid=bool(uid)):
            item = folder.items[position - 1]
            answers = b" ".join(_answer(part, number, item) for part in query)
            written.append(b"* %d FETCH (%b)\r\n" % (position, answers))
            if sum(map(len, written)) > WRITE_BYTES:
                self.transport.write(b"".join(written))
                written.clear()
        self.transport.write(b"".join(written))
        self.sendPositiveResponse(tag, b"FETCH completed")

    select_FETCH = (do_FETCH, imap4.IMAP4Server.arg_seqset, imap4.IMAP4Server.arg_fetchatt)  # noqa: N815 - twisted's


def _answer(part: Any, uid: int, item: Item) -> bytes:
    match part.type:
        case "uid":
            return b"UID %d" % uid
        case "flags":
            return b"FLAGS (%b)" % " ".join(item.flags).encode("ascii")
        case "rfc822size":
            return b"RFC822.SIZE %d" % len(item.body)
        case "internaldate":
            return item.arrived.strftime('INTERNALDATE "%d-%b-%Y %H:%M:%S %z"').encode("ascii")
        case "body":
            return _body(part, item)
        case other:
            raise imap4.IllegalClientResponse(f"this server does not support FETCH {other}")


def _body(part: Any, item: Item) -> bytes:
    body = item.body
    if part.header:
        head, blank, _ = body.partition(b"\r\n\r\n")
        body = head + blank
    origin = b""
    if part.partialBegin is not None:
        body = body[part.partialBegin : part.partialBegin + part.partialLength]
        origin = b"<%d>" % part.partialBegin
    section = b"HEADER" if part.header else b""
    return b"BODY[%b]%b {%d}\r\n%b" % (section, origin, len(body), body)


class _UntilClosed(Protocol):
    """Stops the server when its standard input closes, so that it does not outlive the process that started it."""

    def connectionLost(self, _: object = None) -> None:
        if reactor.running:
            reactor.stop()


class _Connections(Factory):
    noisy = False

    def __init__(self, account: Account, password: bytes) -> None:
        self.account, self.password = account, password

    def buildProtocol(self, _: object) -> Server:
        return Server(self.account, self.password)


def main(password_file: str, messages: str = str(MESSAGES)) -> None:
    """Serve the sample mailbox until standard input closes, and print the port as the only line of output."""
    account = Account(generate_mailbox(SEED, int(messages)))
    password = Path(password_file).read_bytes().strip()
    port = reactor.listenTCP(0, _Connections(account, password), interface="127.0.0.1")
    stdio.StandardIO(_UntilClosed())
    print(port.getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
