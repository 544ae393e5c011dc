"""Find the UIDs of an open folder, and whether these are all of its messages.

A server that answers less than all ends in a mining that reads less than all. So the UIDs of each window of positions
must be as many as the window has positions. With `since`, those of the mail before that day are asked for too.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import NamedTuple

from imapclient.datetime_util import format_criteria_date

from fetcher.imap.connection import FolderRefused
from fetcher.imap.dialog import Dialog
from fetcher.imap.refusals import Refusal
from fetcher.imap.responses import MAX_NUMBER, Pieces, parse_places
from fetcher.imap.uids import Listed
from schemas.uids import UidRanges

SEARCH_MESSAGES = 50_000
"""Messages per SEARCH. A line with this many UIDs stays below imaplib's limit of one megabyte."""
EXTENDED = re.compile(rb"\bUID\b.*?\bALL ([\d:,]+)", re.IGNORECASE)


class Window(NamedTuple):
    """Positions in a folder, from the first to the last, which starts with 1."""

    first: int
    last: int


class _Found(NamedTuple):
    """The UIDs wanted in a window, and how many messages the server accounted for."""

    uids: UidRanges
    accounted: int


Way = Callable[[Window, date | None], _Found]


class Census:
    """Counts the messages of the folder that is open in a dialog."""

    def __init__(self, dialog: Dialog) -> None:
        """Ask over this dialog."""
        self._dialog = dialog

    def ways(self) -> list[Way]:
        """Return the ways to ask for UIDs, the cheapest first; several, because folders change and servers are odd."""
        extended = [self._by_extended_search] if self._dialog.offers("ESEARCH") else []
        return [*extended, self._by_search, self.by_fetch, self._by_search, self.by_fetch]

    def take(self, way: Way, messages: int, since: date | None) -> Listed:
        """Return the UIDs of a folder with so many messages; raise FolderRefused if the server claims more of them.

        A message expunged meanwhile shifts all later ones, so that those of several windows are not all.
        """
        uids, accounted = UidRanges(), 0
        self._dialog.untagged("EXPUNGE")
        for first in range(1, messages + 1, SEARCH_MESSAGES):
            window = Window(first, min(first + SEARCH_MESSAGES - 1, messages))
            found = way(window, since)
            uids |= found.uids
            accounted += found.accounted
            if not found.accounted:
                break
        shifted = messages > SEARCH_MESSAGES and bool(self._dialog.untagged("EXPUNGE"))
        complete = accounted == messages and not shifted
        return Listed(uids, joined=complete and since is None, complete=complete)

    def existing(self, uids: UidRanges) -> UidRanges:
        """Return those of the given UIDs that a search finds."""
        if self._dialog.offers("ESEARCH"):
            try:
                return parse_extended_search(self._dialog.search("RETURN", "(ALL)", f"UID {uids}"))
            except FolderRefused as refused:
                if refused.refusal is not Refusal.NO:
                    raise
        return parse_search(self._dialog.search(f"UID {uids}"))

    def _by_extended_search(self, window: Window, since: date | None) -> _Found:
        return self._searched(
            window, since, lambda asked: parse_extended_search(self._dialog.search("RETURN", "(ALL)", asked))
        )

    def _by_search(self, window: Window, since: date | None) -> _Found:
        return self._searched(window, since, lambda asked: parse_search(self._dialog.search(asked)))

    def _searched(self, window: Window, since: date | None, search: Callable[[str], UidRanges]) -> _Found:
        positions = f"{window.first}:{window.last}"
        if since is None:
            uids = search(positions)
            return self._checked(window, uids, len(uids))
        day = format_criteria_date(since).decode()
        uids = search(f"{positions} SINCE {day}")
        return self._checked(window, uids, len(uids) + len(search(f"{positions} BEFORE {day}")))

    def by_fetch(self, window: Window, since: date | None) -> _Found:
        """Ask for the UIDs of all messages by FETCH, the way for servers whose SEARCH does not work."""
        items = "(UID)" if since is None else "(UID INTERNALDATE)"
        pieces = self._dialog.fetch_facts(f"{window.first}:{window.last}", items, by_position=True)
        places = [each for each in parse_places(pieces) if window.first <= each.position <= window.last]
        wanted = [each.uid for each in places if since is None or each.day is None or each.day >= since]
        return _Found(UidRanges.of(wanted), len({each.uid for each in places}))

    def _checked(self, window: Window, uids: UidRanges, accounted: int) -> _Found:
        if len(uids) > window.last - window.first + 1:  # one short line can claim four billion messages
            raise self._dialog.refusal()
        return _Found(uids, accounted)


def parse_search(pieces: Pieces) -> UidRanges:
    """Return the UIDs in the answer to UID SEARCH."""
    return UidRanges.of(
        int(word)
        for piece in pieces
        if isinstance(piece, bytes)
        for word in piece.split()
        if word.isdigit() and 0 < int(word) <= MAX_NUMBER
    )


def parse_extended_search(pieces: Pieces) -> UidRanges:
    """Parse `(TAG "A1") UID ALL 1:5,9` (RFC 4731); without ALL, nothing was found."""
    sets = [EXTENDED.search(piece) for piece in pieces if isinstance(piece, bytes)]
    return UidRanges.parse(",".join(found[1].decode() for found in sets if found))
