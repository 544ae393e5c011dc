"""A read-only mailbox over IMAP: one connection, with one selected folder at a time."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from fetcher.imap.census import Census
from fetcher.imap.connection import ConnectionLost, Connector, FolderMissing, FolderRefused
from fetcher.imap.dialog import Dialog
from fetcher.imap.folders import Folder, is_inbox
from fetcher.imap.listing import merge_folders, parse_folders
from fetcher.imap.names import quote, title_of, wire_of
from fetcher.imap.refusals import Refusal
from fetcher.imap.responses import MAX_NUMBER, Fetched, join_lines, parse_messages, parse_places, parse_sizes
from fetcher.imap.uids import Listed, split_uids, spread, subtract
from schemas.scope import Scope
from schemas.segments import MESSAGE_CAP_BYTES, TEXT_CAP_BYTES
from schemas.uids import UidRanges

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
NEXT_RESPONSE = re.compile(rb"\)\r\n\* \d+ FETCH \(", re.IGNORECASE)
MESSAGES = re.compile(rb"\bMESSAGES (\d{1,10})\b[^()]*\)\s*\Z", re.IGNORECASE)


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
    `refusal` says how the last `fetch` was refused, if it was.
    """

    def __init__(self, connector: Connector) -> None:
        """Connect and log in; raise what `Connector.open` raises."""
        self._client = connector.open()
        self._place = connector.source.place
        self._dialog = Dialog(self._client, self._place)
        self._census = Census(self._dialog)
        self._opened = Opened(0, 0)
        self.refusal: Refusal | None = None

    @property
    def said(self) -> str:
        """The server's own words, sanitized, when it last refused something in the open folder."""
        return self._dialog.wire.said

    def close(self) -> None:
        """Log out, or just disconnect if that is not possible."""
        self._dialog.close()

    def folders(self) -> list[Folder]:
        """Return all folders with their attributes, including special use if the server provides it (RFC 6154).

        The server is asked twice, because an answer may lack a part that nothing else would show. INBOX is always
        among them.
        """
        special_use = self._dialog.offers("SPECIAL-USE", "LIST-EXTENDED")
        answers: list[list[Folder]] = []
        for options in (["RETURN (SPECIAL-USE)"] if special_use else [], [], []):
            try:
                answers.append(parse_folders(self._dialog.list(b'"*"', *options)))
            except FolderRefused as error:
                refusal = error
            if len(answers) == 2:
                break
        if not answers:
            raise refusal
        return merge_folders(answers)

    def count(self, folder: str) -> int:
        """Return the number of messages in a folder, or 0 if the server does not say."""
        return self.counted(folder) or 0

    def counted(self, folder: str) -> int | None:
        """Return the number of messages in a folder, or None if the server does not say."""
        try:
            pieces = self._dialog.status(quote(wire_of(folder)), "(MESSAGES)")
        except FolderRefused:
            return None
        counts = [int(found[1]) for line in join_lines(pieces) if (found := MESSAGES.search(line))]
        return next((count for count in counts if count <= MAX_NUMBER), None)

    def examine(self, folder: str) -> Opened:
        """Open a folder read-only; raise FolderMissing or FolderRefused.

        A server that does not say how many messages there are, or which UIDVALIDITY, is asked a second time.
        """
        self._dialog.folder = folder
        messages = uidvalidity = None
        for _ in range(2):
            try:
                self._dialog.examine(quote(wire_of(folder)))
            except FolderRefused:
                if not self._is_listed(folder):
                    raise FolderMissing(f"{self._place} has no folder {title_of(folder)!r}.") from None
                raise
            messages, uidvalidity = self._dialog.number("EXISTS"), self._dialog.number("UIDVALIDITY")
            if messages is not None and uidvalidity is not None:
                break
        messages = self.counted(folder) if messages is None else messages
        if messages is None:
            raise self._dialog.refusal()
        self._opened = Opened(uidvalidity or 0, messages)
        return self._opened

    def search(self, opened: Opened, *, since: date | None) -> Listed:
        """Return the UIDs of the open folder, limited to messages received on or after `since` if it is given.

        If they are not as many as EXAMINE said, the folder is opened again and the server asked in other ways. If that
        does not help, the result has all that it ever listed, and `complete` is False. A server that cannot search at
        the moment is asked in one more way.
        """
        found, refusal, busy = UidRanges(), None, False
        for attempt, way in enumerate(self._census.ways()):
            if busy and way != self._census.by_fetch:
                continue
            opened = self._open_again() if attempt else opened
            try:
                listed = self._census.take(way, opened.messages, since)
            except FolderRefused as error:
                if busy:
                    raise
                refusal, busy = error, error.refusal is not Refusal.NO
                continue
            if listed.complete:
                return listed
            found |= listed.uids
        if refusal and (busy or not found):
            raise refusal
        return Listed(found, joined=False, complete=False)

    def existing(self, uids: UidRanges) -> UidRanges:
        """Return those of the given UIDs that exist in the open folder, and ignore any others that the server names.

        A message counts as gone only if neither SEARCH nor FETCH knows it, and a complete list lacks it too.
        """
        gone = uids
        for part in split_uids(uids, len(uids), ranges=COMMAND_RANGES):
            gone = subtract(gone, self._census.existing(part))
        for part in split_uids(gone, SIZES_MESSAGES, ranges=COMMAND_RANGES):
            places = parse_places(self._dialog.fetch_facts(str(part), "(UID)"))
            gone = subtract(gone, UidRanges.of(place.uid for place in places))
        if gone:
            listed = self.search(self._open_again(), since=None)
            gone = subtract(gone, listed.uids) if listed.complete else UidRanges()
        return subtract(uids, gone)

    def sizes(self, uids: UidRanges, listed: Listed) -> Iterator[tuple[int, int]]:
        """Yield each given UID with its RFC822.SIZE, in ascending order; the size is 0 if the server does not say."""
        for part in split_uids(uids, SIZES_MESSAGES, ranges=COMMAND_RANGES):
            sizes = dict(parse_sizes(self._dialog.fetch_facts(str(listed.reach(part)), "(UID RFC822.SIZE)")))
            for uid in spread(part):
                yield uid, sizes.get(uid, 0)

    def fetch(self, uids: UidRanges, scope: Scope) -> dict[int, Message]:
        """Read messages of the open folder up to the scope's cap, without marking them as seen.

        The result contains what the server sent. A missing message is gone, or the server refused it with NO or BAD,
        silently left it out, or sent something that cannot be it. If the connection breaks, what came before is
        returned, and the next command raises ConnectionLost.
        """
        items = f"(UID RFC822.SIZE INTERNALDATE {MESSAGE_ITEMS[scope]})"
        long_headers = LONG_HEADERS_BYTES
        messages: dict[int, Message] = {}
        bodies = self._bodies(uids, items, scope.cap_bytes)
        self.refusal = self._dialog.refused
        for each in bodies:
            body = each.body[: scope.cap_bytes]
            if scope is Scope.TEXT and long_headers >= MESSAGE_CAP_BYTES and _is_cut_in_header(body):
                try:
                    body = self._header(each.uid) or body
                except ConnectionLost:
                    continue
                long_headers -= len(body)
            messages[each.uid] = Message(each.uid, each.internal_date, body, _is_cut(body, each.size, scope))
        return messages

    def _header(self, uid: int) -> bytes:
        items = f"(UID {MESSAGE_ITEMS[Scope.HEADERS]})"
        return next((each.body for each in self._bodies(UidRanges.of([uid]), items, MESSAGE_CAP_BYTES)), b"")

    def _bodies(self, uids: UidRanges, items: str, keep_bytes: int) -> list[Fetched]:
        """Return the messages that the server sent, without those that are doubtful or were sent twice differently."""
        wanted = set(spread(uids))
        found: dict[int, Fetched] = {}
        doubtful: set[int] = set()
        for each in parse_messages(self._dialog.fetch_bodies(str(uids), items, keep_bytes)):
            if each.uid not in wanted:
                continue
            if _is_doubtful(each, alone=len(wanted) == 1) or found.setdefault(each.uid, each).body != each.body:
                doubtful.add(each.uid)
        return [each for uid, each in found.items() if uid not in doubtful]

    def _open_again(self) -> Opened:
        """Open the same folder again; raise ConnectionLost if it is not the same any longer."""
        before = self._opened
        try:
            opened = self.examine(self._dialog.folder)
        except FolderMissing:
            raise self._dialog.lost() from None
        if opened.uidvalidity != before.uidvalidity:
            raise self._dialog.lost()
        return opened

    def _is_listed(self, folder: str) -> bool:
        try:
            listed = parse_folders(self._dialog.list(quote(wire_of(folder))))
        except FolderRefused:
            return True
        return any(each.name == folder or (is_inbox(each.name) and is_inbox(folder)) for each in listed)


def _is_doubtful(message: Fetched, *, alone: bool) -> bool:
    """Return whether what was sent for a message cannot be the message: nothing, or the next response as well.

    Sizes are no proof, because some servers estimate them. A mail that quotes IMAP is believed when it comes alone.
    """
    if not message.body:
        return message.size != 0
    if alone or message.size is None or len(message.body) <= message.size:
        return False
    return bool(NEXT_RESPONSE.search(message.body))


def _is_cut_in_header(body: bytes) -> bool:
    return len(body) >= TEXT_CAP_BYTES and not HEADER_END.search(body)


def _is_cut(body: bytes, size: int | None, scope: Scope) -> bool:
    """Return whether a message was truncated; the server's size alone is no proof, because it may be an estimate."""
    if len(body) < scope.cap_bytes:
        return False
    return scope is Scope.HEADERS or size is None or size > len(body)
