"""A connection that lasts: it comes back when it breaks, and goes around what the server will not give."""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import tenacity

from fetcher.imap.connection import ConnectionLost, FolderMissing, FolderRefused, HostUnreachable, LoginRefused
from fetcher.imap.mailbox import Mailbox, Message, Opened
from fetcher.imap.uids import spread
from schemas.ledger import Failed, Skipped
from schemas.scope import Scope
from schemas.segments import PlannedFolder
from schemas.uids import UidRanges

LOSSES = 3
"""Times that a connection may break over the same messages before they are asked for in halves."""

LOGINS = 4
"""Logins in a row that a server may refuse while a mining runs; some refuse one connection too many in these words."""
T = TypeVar("T")


class FolderLost(Exception):
    """A planned folder cannot be read any further, for a reason of the ledger."""

    def __init__(self, reason: Failed) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Reading:
    """What became of a segment's messages: those that were read, and the UIDs of those that were not, by reason."""

    messages: dict[int, Message] = field(default_factory=dict)
    absent: dict[Skipped | Failed, list[int]] = field(default_factory=dict)

    def leave_out(self, reason: Skipped | Failed, uids: set[int]) -> None:
        """Note why messages are not there."""
        if uids:
            self.absent.setdefault(reason, []).extend(sorted(uids))


class Reader:
    """One connection of the pool, for one thread.

    A broken connection is opened again with growing pauses for `patience_seconds`, or until `halt` is set; then
    ConnectionLost, HostUnreachable or LoginRefused goes up.
    """

    def __init__(
        self,
        connect: Callable[[], Mailbox],
        *,
        halt: threading.Event,
        patience_seconds: float,
        mailbox: Mailbox | None = None,
    ) -> None:
        """Use `mailbox` while it lasts, and what `connect` opens after it."""
        self._connect = connect
        self._halt = halt
        self._patience_seconds = patience_seconds
        self._mailbox = mailbox
        self._opened: tuple[str, Opened] | None = None

    def mailbox(self) -> Mailbox:
        """Return the connection, opened again where it broke."""
        if self._mailbox is None:
            self._opened = None
            self._mailbox = self._reconnect()
        return self._mailbox

    def plan(self, name: str, make: Callable[[Mailbox, Opened], T]) -> T:
        """Open a folder and make something of it; raise FolderLost where it is not there or not to be read."""
        made = self._attempt(name, None, make)
        if made is None:
            raise FolderLost(Failed.REFUSED)
        return made

    def read(self, folder: PlannedFolder, uids: UidRanges, scope: Scope) -> Reading:
        """Read messages; raise FolderLost where the folder is not the planned one any more.

        Where the server refuses a batch it is halved, until a message that is refused alone is left out alone.
        """
        reading = Reading()
        pending = [uids]
        while pending:
            part = pending.pop()
            reading.messages.update(self._fetch(folder, part, scope))
            missing = {uid for uid in spread(part) if uid not in reading.messages}
            if missing:
                there = self._existing(folder, missing)
                reading.leave_out(Skipped.VANISHED, missing - there)
                if len(part) == 1:
                    reading.leave_out(Failed.REFUSED, there)
                else:
                    pending.extend(_halves(there))
        return reading

    def tell_apart(self, folder: PlannedFolder, missing: set[int]) -> Reading:
        """Say why messages of a planned folder are not in the store: gone since, or refused while they are there."""
        reading = Reading()
        there = self._existing(folder, missing)
        reading.leave_out(Skipped.VANISHED, missing - there)
        reading.leave_out(Failed.REFUSED, there)
        return reading

    def drop(self) -> None:
        """Hang up; the next use connects anew."""
        if self._mailbox is not None:
            self._mailbox.close()
        self._mailbox = None

    def _fetch(self, folder: PlannedFolder, uids: UidRanges, scope: Scope) -> Mapping[int, Message]:
        batch = self._attempt(folder.name, folder.uidvalidity, lambda mailbox, _: mailbox.fetch(uids, scope))
        return {} if batch is None else batch

    def _existing(self, folder: PlannedFolder, missing: set[int]) -> set[int]:
        asked = UidRanges.of(missing)
        there = self._attempt(folder.name, folder.uidvalidity, lambda mailbox, _: mailbox.existing(asked))
        return missing if there is None else set(spread(there))

    def _attempt(self, name: str, uidvalidity: int | None, ask: Callable[[Mailbox, Opened], T]) -> T | None:
        """Ask something of an open folder, and again where the connection breaks; None where that ends in nothing."""
        opened = None
        for _ in range(LOSSES):
            mailbox = self.mailbox()
            try:
                opened = self._open(mailbox, name)
                if uidvalidity is not None and opened.uidvalidity != uidvalidity:
                    raise FolderLost(Failed.UIDVALIDITY)
                return ask(mailbox, opened)
            except ConnectionLost:
                self.drop()
            except FolderRefused:
                break
        if opened is None:
            raise FolderLost(Failed.REFUSED)
        return None

    def _open(self, mailbox: Mailbox, name: str) -> Opened:
        """Select a folder unless it is."""
        if self._opened is None or self._opened[0] != name:
            self._opened = None
            try:
                self._opened = name, mailbox.examine(name)
            except FolderMissing:
                raise FolderLost(Failed.MISSING) from None
            except FolderRefused:
                raise FolderLost(Failed.REFUSED) from None
        return self._opened[1]

    def _reconnect(self) -> Mailbox:
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((ConnectionLost, HostUnreachable, LoginRefused)),
            wait=tenacity.wait_exponential_jitter(multiplier=0.2, max=15.0, jitter=0.3),
            stop=tenacity.stop_any(
                tenacity.stop_after_delay(self._patience_seconds),
                tenacity.stop_when_event_set(self._halt),
                _StopAfterRefusals(),
            ),
            sleep=tenacity.sleep_using_event(self._halt),
            reraise=True,
        )
        return waiting(self._connect)


class _StopAfterRefusals(tenacity.stop.stop_base):
    """Ends the attempts where the login is refused again and again: more of them would lock the account."""

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        return isinstance(error, LoginRefused) and retry_state.attempt_number >= LOGINS


def _halves(uids: set[int]) -> Iterator[UidRanges]:
    ordered = sorted(uids)
    middle = (len(ordered) + 1) // 2
    for half in (ordered[:middle], ordered[middle:]):
        if half:
            yield UidRanges.of(half)
