"""A resilient connection: it reconnects when it breaks, and skips messages that the server refuses to send."""

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
"""How often the connection may break on the same messages before the batch is split in half."""

LOGINS = 4
"""How many logins in a row a server may refuse during a mining. Some refuse the login if there are too many
connections."""
T = TypeVar("T")


class FolderLost(Exception):
    """A planned folder cannot be read any further; `reason` is the ledger's word for why."""

    def __init__(self, reason: Failed) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Reading:
    """The result of reading a segment: its messages, and the UIDs that could not be read, by reason."""

    messages: dict[int, Message] = field(default_factory=dict)
    absent: dict[Skipped | Failed, list[int]] = field(default_factory=dict)

    def leave_out(self, reason: Skipped | Failed, uids: set[int]) -> None:
        """Record why messages are missing."""
        if uids:
            self.absent.setdefault(reason, []).extend(sorted(uids))


class Reader:
    """One connection of the pool, for one thread.

    A broken connection is reopened with growing pauses. After `patience_seconds`, or once `halt` is set, raises
    ConnectionLost, HostUnreachable or LoginRefused.
    """

    def __init__(
        self,
        connect: Callable[[], Mailbox],
        *,
        halt: threading.Event,
        patience_seconds: float,
        mailbox: Mailbox | None = None,
    ) -> None:
        """Use `mailbox` until its connection breaks; after that, use what `connect` opens."""
        self._connect = connect
        self._halt = halt
        self._patience_seconds = patience_seconds
        self._mailbox = mailbox
        self._opened: tuple[str, Opened] | None = None

    def mailbox(self) -> Mailbox:
        """Return the connection, reopened if it broke."""
        if self._mailbox is None:
            self._opened = None
            self._mailbox = self._reconnect()
        return self._mailbox

    def plan(self, name: str, make: Callable[[Mailbox, Opened], T]) -> T:
        """Open a folder and return what `make` returns; raise FolderLost if it does not exist or cannot be read."""
        made = self._attempt(name, None, make)
        if made is None:
            raise FolderLost(Failed.REFUSED)
        return made

    def read(self, folder: PlannedFolder, uids: UidRanges, scope: Scope) -> Reading:
        """Read messages; raise FolderLost if the folder is no longer the one that was planned.

        If the server refuses a batch, it is split in half repeatedly, so that only the refused messages are left out.
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
        """Return why messages of a planned folder are not in the store: they vanished, or the server refused them."""
        reading = Reading()
        there = self._existing(folder, missing)
        reading.leave_out(Skipped.VANISHED, missing - there)
        reading.leave_out(Failed.REFUSED, there)
        return reading

    def drop(self) -> None:
        """Disconnect; the next use opens a new connection."""
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
        """Run `ask` on an open folder, and retry if the connection breaks; return None if there is no answer."""
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
        """Select a folder unless it is already selected."""
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
    """Stops the attempts if the login is refused repeatedly, because more of them could lock the account."""

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        return isinstance(error, LoginRefused) and retry_state.attempt_number >= LOGINS


def _halves(uids: set[int]) -> Iterator[UidRanges]:
    ordered = sorted(uids)
    middle = (len(ordered) + 1) // 2
    for half in (ordered[:middle], ordered[middle:]):
        if half:
            yield UidRanges.of(half)
