"""A read-only mailbox over IMAP: one connection, with one selected folder at a time."""

import imaplib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from imapclient import imap_utf7
from imapclient.datetime_util import format_criteria_date
from imapclient.exceptions import ProtocolError
from imapclient.response_parser import parse_response

from fetcher.imap.connection import ConnectionLost, Connector, FolderMissing, FolderRefused, close
from fetcher.imap.folders import Folder
from fetcher.imap.refusals import Refusal, read_refusal
from fetcher.imap.responses import Pieces, parse_messages, parse_sizes
from fetcher.imap.uids import Listed, split_uids, spread, subtract
from schemas.scope import Scope
from schemas.segments import MESSAGE_CAP_BYTES, TEXT_CAP_BYTES
from schemas.uids import UidRanges

SEARCH_MESSAGES = 50_000
"""Messages per SEARCH. A line with this many UIDs stays below imaplib's limit of one megabyte."""
SIZES_MESSAGES = 5_000
"""Sizes per FETCH. The answer has a few hundred KB, so a large mailbox is never in memory as a whole."""
COMMAND_RANGES = 200
"""UID ranges per command: at most 4 KB per line, half of what servers should accept (RFC 7162 section 4)."""
LONG_HEADERS_BYTES = 16 * 1024 * 1024
"""Bytes per batch for header blocks beyond the cap of scope `text`, so that hostile mail cannot fill the memory."""
MESSAGE_ITEMS = {
    Scope.HEADERS: f"BODY.PEEK[HEADER]<0.{MESSAGE_CAP_BYTES}>",
    Scope.TEXT: f"BODY.PEEK[]<0.{TEXT_CAP_BYTES}>",
    Scope.FULL: f"BODY.PEEK[]<0.{MESSAGE_CAP_BYTES}>",
}
HEADER_END = re.compile(rb"\A\r?\n|\n\r?\n")


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as EXAMINE shows it; `uidvalidity` is 0 if the server has none."""

    uidvalidity: int
    messages: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message as read: its bytes up to the scope's cap, and whether it was truncated."""

    uid: int
    internal_date: int | None
    body: bytes
    truncated: bool


class Mailbox:
    """One logged-in connection, for one thread.

    Any method may raise FolderRefused, FolderMissing or ConnectionLost. After ConnectionLost, only `close` still works.
    `refusal` says how the last FETCH was refused, if it was.
    """

    refusal: Refusal | None = None

    def __init__(self, connector: Connector) -> None:
        """Connect and log in; raise what `Connector.open` raises."""
        self._client = connector.open()
        self._place = connector.source.place
        self._folder = ""

    def close(self) -> None:
        """Log out, or just disconnect if that is not possible."""
        close(self._client)

    def folders(self) -> list[Folder]:
        """Return all folders with their attributes, including special use if the server provides it (RFC 6154)."""
        with self._spoken():
            pieces: Pieces | None = None
            if self._client.has_capability("SPECIAL-USE") and self._client.has_capability("LIST-EXTENDED"):
                pieces = self._list("RETURN (SPECIAL-USE)")
            if pieces is None:
                pieces = self._list()
            return list(_parse_folders(pieces or ()))

    def count(self, folder: str) -> int:
        """Return the number of messages in a folder, or 0 if the server does not say."""
        try:
            with self._spoken(folder):
                return int(self._client.folder_status(folder, ["MESSAGES"]).get(b"MESSAGES", 0))
        except FolderRefused:
            return 0

    def examine(self, folder: str) -> Opened:
        """Open a folder read-only; raise FolderMissing or FolderRefused."""
        self._folder = ""
        try:
            with self._spoken(folder):
                fields = self._client.select_folder(folder, readonly=True)
        except FolderRefused:
            if all(each.name != folder for each in self.folders()):
                raise FolderMissing(f"{self._place} has no folder {folder!r}.") from None
            raise
        self._folder = folder
        return Opened(int(fields.get(b"UIDVALIDITY", 0)), int(fields.get(b"EXISTS", 0)))

    def search(self, opened: Opened, *, since: date | None) -> Listed:
        """Return the UIDs of the open folder, limited to messages received on or after `since` if it is given.

        The search asks for one window of positions after another. A message expunged meanwhile shifts all later ones,
        so the search then starts over. If that happens every time, the result has `joined` False.
        """
        uids = UidRanges()
        for _ in range(5):
            self._untagged("EXPUNGE")
            uids = UidRanges()
            for first in range(1, opened.messages + 1, SEARCH_MESSAGES):
                last = min(first + SEARCH_MESSAGES - 1, opened.messages)
                found = self._search(f"{first}:{last}", since)
                if len(found) > last - first + 1:  # one short line can claim four billion messages
                    raise FolderRefused(self._refusal(self._folder))
                uids |= found
            if opened.messages <= SEARCH_MESSAGES or not self._untagged("EXPUNGE"):
                return Listed(uids, since is None)
        return Listed(uids, False)

    def existing(self, uids: UidRanges) -> UidRanges:
        """Return those of the given UIDs that exist in the open folder, and ignore any others that the server names."""
        gone = uids
        for part in split_uids(uids, len(uids), ranges=COMMAND_RANGES):
            gone = subtract(gone, self._search(f"UID {part}", None))
        return subtract(uids, gone)

    def sizes(self, uids: UidRanges, listed: Listed) -> Iterator[tuple[int, int]]:
        """Yield each given UID with its RFC822.SIZE, in ascending order; the size is 0 if the server does not say."""
        for part in split_uids(uids, SIZES_MESSAGES, ranges=COMMAND_RANGES):
            pieces = self._fetch(listed.reach(part), "(UID RFC822.SIZE)")
            sizes = dict(parse_sizes(pieces))
            for uid in spread(part):
                yield uid, sizes.get(uid, 0)

    def fetch(self, uids: UidRanges, scope: Scope) -> dict[int, Message]:
        """Read messages of the open folder up to the scope's cap, without marking them as seen.

        The result contains what the server sent. A missing message is gone, or the server refused it with NO or BAD or
        silently left it out.
        """
        pieces = self._fetch(uids, f"(UID RFC822.SIZE INTERNALDATE {MESSAGE_ITEMS[scope]})")
        wanted = set(spread(uids))
        try:
            found = {each.uid: each for each in parse_messages(pieces) if each.uid in wanted}
        except ProtocolError:
            return {}
        long_headers = LONG_HEADERS_BYTES
        messages: dict[int, Message] = {}
        for uid, each in found.items():
            body = each.body[: scope.cap_bytes]
            if scope is Scope.TEXT and long_headers >= MESSAGE_CAP_BYTES and _is_cut_in_header(body):
                body = self._header(uid) or body
                long_headers -= len(body)
            messages[uid] = Message(uid, each.internal_date, body, _is_cut(body, each.size, scope))
        return messages

    def _header(self, uid: int) -> bytes:
        pieces = self._fetch(UidRanges.of([uid]), f"(UID {MESSAGE_ITEMS[Scope.HEADERS]})")
        try:
            headers = [each.body for each in parse_messages(pieces) if each.uid == uid]
        except ProtocolError:
            headers = []
        return headers[0][:MESSAGE_CAP_BYTES] if headers else b""

    def _fetch(self, uids: UidRanges, items: str) -> Pieces:
        """Return what the server sent: everything, or, if it answers NO or BAD, possibly only a part."""
        self.refusal = None
        try:
            with self._spoken(self._folder):
                return self._must(self._client._imap.uid("FETCH", str(uids), items))
        except FolderRefused as refused:
            self.refusal = refused.refusal
            return self._untagged("FETCH")

    def _search(self, which: str, since: date | None) -> UidRanges:
        criteria = which if since is None else f"{which} SINCE {format_criteria_date(since).decode()}"
        with self._spoken(self._folder):
            if self._client.has_capability("ESEARCH"):
                self._untagged("ESEARCH")
                self._must(self._client._imap.uid("SEARCH", "RETURN", "(ALL)", criteria))
                return _parse_extended_search(self._untagged("ESEARCH"))
            return _parse_search(self._must(self._client._imap.uid("SEARCH", criteria)))

    def _list(self, *options: str) -> Pieces | None:
        """Return the answer to LIST, or None if the server does not know the options."""
        imap = self._client._imap
        try:
            answer, _ = imap._simple_command("LIST", '""', '"*"', *options)
        except imaplib.IMAP4.abort:
            raise
        except imaplib.IMAP4.error:
            answer = "BAD"
        pieces = self._untagged("LIST")
        return pieces if answer == "OK" else None

    def _must(self, answer: tuple[str, Pieces]) -> Pieces:
        if answer[0] != "OK":
            raise FolderRefused(self._refusal(self._folder), read_refusal(answer[1]))
        return answer[1]

    def _untagged(self, kind: str) -> Pieces:
        """Take the untagged responses of a kind that have arrived since the last call."""
        pieces: Pieces = self._client._imap.response(kind)[1]
        return [piece for piece in pieces if piece is not None]

    def _refusal(self, folder: str) -> str:
        what = f"to read the folder {folder!r}" if folder else "to list its folders"
        return f"{self._place} refuses {what}: check this account's permissions there."

    @contextmanager
    def _spoken(self, folder: str = "") -> Iterator[None]:
        """Translate the libraries' errors and drop their texts, which may contain what the server sent.

        An unreadable answer counts as a refusal. An endless line counts as a lost connection, because no later answer
        can be read after it.
        """
        try:
            yield
        except (imaplib.IMAP4.abort, OSError, EOFError):
            raise self._lost() from None
        except imaplib.IMAP4.error as error:
            if str(error).startswith("got more than"):
                raise self._lost() from None
            raise FolderRefused(self._refusal(folder), read_refusal(error, folder=folder)) from None
        except (ValueError, TypeError, LookupError):
            raise FolderRefused(self._refusal(folder)) from None

    def _lost(self) -> ConnectionLost:
        return ConnectionLost(f"The connection to {self._place} broke: check the network, then start again to resume.")


def _is_cut_in_header(body: bytes) -> bool:
    return len(body) >= TEXT_CAP_BYTES and not HEADER_END.search(body)


def _is_cut(body: bytes, size: int | None, scope: Scope) -> bool:
    """Return whether a message was truncated; the server's size alone is no proof, because it may be an estimate."""
    if len(body) < scope.cap_bytes:
        return False
    return scope is Scope.HEADERS or size is None or size > len(body)


def _parse_folders(pieces: Pieces) -> Iterator[Folder]:
    """Yield the folders of a LIST answer, line by line, so that one unreadable line does not hide the others."""
    for piece in pieces:
        try:
            attributes, delimiter, name = parse_response([piece])
            yield Folder(
                _decoded(name),
                frozenset(attribute.decode("ascii", "replace").lower() for attribute in attributes),
                delimiter.decode("ascii", "replace") if delimiter else "",
            )
        except (ProtocolError, ValueError, TypeError, AttributeError):
            continue


def _decoded(name: bytes | int | None) -> str:
    """Return a folder's decoded name, or the name as the server wrote it if it is not modified UTF-7.

    imapclient parses the name 12 as a number and the name NIL as None.
    """
    if not isinstance(name, bytes):
        return "NIL" if name is None else str(name)
    try:
        decoded: str = imap_utf7.decode(name)
    except UnicodeDecodeError:
        return name.decode("latin-1")
    return decoded


def _parse_search(pieces: Pieces) -> UidRanges:
    return UidRanges.of(
        int(word) for piece in pieces if isinstance(piece, bytes) for word in piece.split() if word.isdigit()
    )


def _parse_extended_search(pieces: Pieces) -> UidRanges:
    """Parse `(TAG "A1") UID ALL 1:5,9` (RFC 4731); without ALL, nothing was found."""
    sets = [re.search(rb"\bALL ([\d:,]+)", piece) for piece in pieces if isinstance(piece, bytes)]
    return UidRanges.parse(",".join(found[1].decode() for found in sets if found))
