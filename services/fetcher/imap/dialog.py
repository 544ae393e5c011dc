"""Commands over one IMAP connection, and their errors as Troubles."""

import imaplib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from imapclient import IMAPClient

from fetcher.imap.connection import ConnectionLost, FolderRefused, close
from fetcher.imap.login import offers
from fetcher.imap.names import title_of
from fetcher.imap.refusals import Refusal, read_refusal
from fetcher.imap.responses import MAX_NUMBER, Pieces
from fetcher.imap.wire import Wire


class Dialog:
    """One logged-in connection, with one selected folder at a time.

    Each method may raise FolderRefused or ConnectionLost; after the latter, only `close` still works. `refused` says
    how the last FETCH was refused, if it was.
    """

    def __init__(self, client: IMAPClient, place: str) -> None:
        """Speak over a connection; `place` names the server to the user."""
        self.folder = ""
        self.refused: Refusal | None = None
        self._client = client
        self._imap: Any = client._imap
        self._place = place

    @property
    def wire(self) -> Wire:
        """What watches over the connection."""
        watching: Wire = self._imap.wire
        return watching

    def close(self) -> None:
        """Log out, or just disconnect if that is not possible."""
        close(self._client)

    def offers(self, *capabilities: str) -> bool:
        """Return whether the server has all of these extensions."""
        with self.spoken():
            return offers(self._client, *capabilities)

    def list(self, pattern: bytes, *options: str) -> Pieces:
        """Return the answer to LIST."""
        with self.spoken():
            self.untagged("LIST")
            self._must(self._imap._simple_command("LIST", '""', pattern, *options))
            return self.untagged("LIST")

    def status(self, name: bytes, items: str) -> Pieces:
        """Return the answer to STATUS for a quoted name."""
        with self.spoken():
            self.untagged("STATUS")
            self._must(self._imap._simple_command("STATUS", name, items))
            return self.untagged("STATUS")

    def examine(self, name: bytes) -> None:
        """Open a folder read-only, by its quoted name, and forget what the server said before."""
        self.wire.said = ""
        with self.spoken():
            self._must(self._imap.select(name, readonly=True))

    def search(self, *criteria: str) -> Pieces:
        """Return the answer to UID SEARCH: with RETURN that to ESEARCH, else the usual one."""
        kind = "ESEARCH" if criteria[0] == "RETURN" else "SEARCH"
        with self.spoken():
            self.untagged(kind)
            answer = self._must(self._imap.uid("SEARCH", *criteria))
            return answer if kind == "SEARCH" else self.untagged(kind)

    def fetch(self, which: str, items: str, *, by_position: bool = False) -> Pieces:
        """Return what the server sent: everything, or, if it answers NO or BAD, possibly only a part."""
        self.refused = None
        try:
            with self.spoken():
                self.untagged("FETCH")
                imap = self._imap
                return self._must(imap.fetch(which, items) if by_position else imap.uid("FETCH", which, items))
        except FolderRefused as refused:
            self.refused = refused.refusal
            return self.untagged("FETCH")

    def fetch_facts(self, which: str, items: str, *, by_position: bool = False) -> Pieces:
        """Return what `fetch` does, but raise FolderRefused if the server cannot answer at the moment."""
        pieces = self.fetch(which, items, by_position=by_position)
        if self.refused not in (None, Refusal.NO):
            raise self.refusal(self.refused)
        return pieces

    def fetch_bodies(self, which: str, items: str, keep_bytes: int) -> Pieces:
        """Return what the server sent, and of each body at most `keep_bytes`.

        If the connection breaks, returns the responses that were complete, and the next command raises ConnectionLost;
        without any such response, raises it now.
        """
        self.wire.keep_bytes = keep_bytes
        try:
            return self.fetch(which, items)
        except ConnectionLost:
            pieces = self.untagged("FETCH")
            ended = self.wire.ended or bool(self._imap.untagged_responses.get("BYE"))
            with suppress(OSError):
                self._client.shutdown()
            ends = [at for at, piece in enumerate(pieces, start=1) if isinstance(piece, bytes)]
            # If the rest could not be understood, the last response may have taken its beginning.
            kept = ends if ended else ends[:-1]
            if not kept:
                raise
            return pieces[: kept[-1]]

    def untagged(self, kind: str) -> Pieces:
        """Take the untagged responses of a kind that have arrived since the last call."""
        pieces: Pieces = self._imap.response(kind)[1]
        return [piece for piece in pieces if piece is not None]

    def number(self, kind: str) -> int | None:
        """Take the number of the last untagged response of a kind; None if there was none, or it is no number."""
        pieces = self.untagged(kind)
        last = pieces[-1] if pieces else b""
        return int(last) if isinstance(last, bytes) and last.isdigit() and int(last) <= MAX_NUMBER else None

    def refusal(self, meaning: Refusal = Refusal.NO) -> FolderRefused:
        """Return the error for a refused command, with the server's words."""
        what = f"to read the folder {title_of(self.folder)!r}" if self.folder else "to list its folders"
        said = f" The server says: {self.wire.said}" if self.wire.said else ""
        return FolderRefused(f"{self._place} refuses {what}: check this account's permissions there.{said}", meaning)

    @contextmanager
    def spoken(self) -> Iterator[None]:
        """Translate the libraries' errors and drop their texts, which may contain what the server sent.

        An unreadable answer counts as a refusal. An endless line counts as a lost connection, because no later answer
        can be read after it.
        """
        try:
            yield
        except (imaplib.IMAP4.abort, OSError, EOFError):
            raise self.lost() from None
        except imaplib.IMAP4.error as error:
            if str(error).startswith("got more than"):
                raise self.lost() from None
            raise self.refusal(read_refusal(error, folder=title_of(self.folder))) from None
        except (ValueError, TypeError, LookupError):
            raise self.refusal() from None

    def lost(self) -> ConnectionLost:
        """Return the error for a connection that cannot be used any longer."""
        return ConnectionLost(f"The connection to {self._place} broke: check the network, then start again to resume.")

    def _must(self, answer: tuple[str, Pieces]) -> Pieces:
        if answer[0] != "OK":
            raise self.refusal(read_refusal(answer[1], folder=title_of(self.folder)))
        return answer[1]
