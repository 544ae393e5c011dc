"""A resilient connection: it reconnects when it breaks, waits while the server refuses, and then tells what it got."""

from collections.abc import Callable
from itertools import cycle
from typing import NamedTuple, TypeVar

import tenacity

from fetcher.imap.connection import ConnectionLost, FolderMissing, FolderRefused, HostUnreachable, LoginRefused
from fetcher.imap.mailbox import Mailbox, Opened
from fetcher.imap.patience import TRIES, Outage, Patience
from fetcher.imap.reading import FolderLost, Reading
from fetcher.imap.refusals import Refusal
from fetcher.imap.uids import halves, spread
from fetcher.ports import Trouble, Unavailable
from schemas.ledger import Failed, Skipped
from schemas.scope import Scope
from schemas.segments import PlannedFolder
from schemas.uids import UidRanges

LOSSES = 3
"""How often the connection may break on the same messages before they are asked for in smaller batches."""
RENEWALS = 4
"""How many times a reader logs in again because of refusals, not counting broken connections."""
RENEWED_TRY = 2
"""The try for which a reader logs in again."""
FOLDER_TRIES = 2
"""How often a folder is tried again that is refused without a reason that could pass."""
T = TypeVar("T")


class Halted(Unavailable):
    """The mining was told to stop while the server refused."""


class _Asked(NamedTuple):
    """The folder to ask for messages, and the scope that says how much of each is read."""

    folder: PlannedFolder
    scope: Scope


class Reader:
    """One connection of the pool, for one thread.

    A broken connection is reopened with growing pauses. If that takes longer than the patience, or it is told to halt,
    any method raises HostUnreachable, LoginRefused or Halted.
    """

    def __init__(self, connect: Callable[[], Mailbox], *, patience: Patience, mailbox: Mailbox | None = None) -> None:
        """Use `mailbox` until its connection breaks; after that, use what `connect` opens."""
        self._connect = connect
        self._patience = patience
        self._mailbox = mailbox
        self._opened: tuple[str, Opened] | None = None
        self._said = ""
        self._renewals = RENEWALS
        self._served = False

    def mailbox(self) -> Mailbox:
        """Return the connection, reopened if it broke."""
        if self._mailbox is None:
            self._opened = None
            self._mailbox = self._reconnect()
        return self._mailbox

    @property
    def said(self) -> str:
        """What the server said, sanitized, when it last refused something in the folder."""
        return (self._mailbox.said if self._mailbox is not None else "") or self._said

    def ask(self, act: Callable[[Mailbox], T]) -> T:
        """Return the result of `act`; run it again if the connection breaks or the server refuses it for now.

        Raises ConnectionLost or FolderRefused if that goes on for too long.
        """
        outage = Outage(self._patience)
        losses = 0
        while True:
            mailbox = self.mailbox()
            try:
                return act(mailbox)
            except ConnectionLost:
                self._lost()
                losses += 1
                if losses >= LOSSES and not self._bear(outage, tries=None, pause=True):
                    raise
            except FolderRefused as refused:
                self._opened = None
                passing = refused.refusal is Refusal.LATER
                if not self._bear(outage, tries=None if passing else FOLDER_TRIES, pause=passing):
                    raise

    def plan(self, name: str, make: Callable[[Mailbox, Opened], T]) -> T:
        """Open a folder and return what `make` returns; raise FolderLost if it does not exist or cannot be read."""
        self._said = ""
        made = self._attempt(name, None, make)
        self._patience.given()
        return made

    def read(self, folder: PlannedFolder, uids: UidRanges, scope: Scope) -> Reading:
        """Read messages; raise FolderLost if the folder is no longer the one that was planned.

        A refused batch is split in half repeatedly, so that only the refused messages are left out, but only as long as
        the server gives other messages. If it does not, the rest is unavailable. Messages that are much larger than
        announced are refused once they fill the memory that a segment may take.
        """
        reading = Reading()
        self._said = ""
        asked = _Asked(folder, scope)
        pending = [uids]
        while pending and not self._patience.spent:
            if reading.is_full:
                reading.leave_out(Failed.REFUSED, {uid for part in pending for uid in spread(part)})
                return reading
            part = pending.pop()
            given, refusal = self._fetch(asked, part, reading)
            missing = {uid for uid in spread(part) if uid not in reading.messages}
            if refusal is None:
                missing = self._existing(folder, missing, reading)
            if not missing:
                continue
            if given:
                pending.append(UidRanges.of(missing))
                continue
            reason = self._stopped(asked, missing, refusal, reading)
            missing -= reading.messages.keys()
            if reason is Failed.UNAVAILABLE:
                pending.append(UidRanges.of(missing))
                break
            rest = self._existing(folder, missing, reading)
            if reason is Failed.REFUSED:
                reading.leave_out(reason, rest)
            else:
                pending.extend(halves(rest))
        for part in pending:
            reading.leave_out(Failed.UNAVAILABLE, set(spread(part)))
        return reading

    def tell_apart(self, folder: PlannedFolder, missing: set[int]) -> Reading:
        """Return why messages of a planned folder are not in the store: they vanished, or the server refused them."""
        reading = Reading()
        reading.leave_out(Failed.REFUSED, self._existing(folder, missing, reading))
        return reading

    def drop(self) -> None:
        """Disconnect; the next use opens a new connection."""
        if self._mailbox is not None:
            self._said = self._mailbox.said or self._said
            self._mailbox.close()
        self._mailbox = None

    def _fetch(self, asked: _Asked, uids: UidRanges, reading: Reading) -> tuple[bool, Refusal | None]:
        """Add what the server gives to a reading; return whether it gave anything, and how it refused the rest."""
        for _ in range(1 if reading.messages else LOSSES):
            mailbox = self._attempt(asked.folder.name, asked.folder.uidvalidity, lambda mailbox, _: mailbox)
            try:
                messages = mailbox.fetch(uids, asked.scope)
            except ConnectionLost:
                self._lost()
                continue
            reading.messages.update(messages)
            if messages:
                self._served = self._patience.served = True
                self._patience.given()
            if mailbox.refusal is Refusal.CLOSED:
                self._opened = None
            return bool(messages), mailbox.refusal
        return False, Refusal.NO

    def _stopped(self, asked: _Asked, missing: set[int], refusal: Refusal | None, reading: Reading) -> Failed | None:
        """Ask for single messages until the server gives one, and return None; or return why the missing ones failed.

        A message is refused only if the server gives another one, or if it was asked for by itself several times and
        there is no reason that could pass.
        """
        outage = Outage(self._patience)
        passing = refusal is Refusal.LATER
        for uid in cycle(_samples(missing, reading)):
            if not self._bear(outage, tries=None if passing else TRIES, pause=not reading.messages or outage.tries > 0):
                break
            given, answer = self._fetch(asked, UidRanges.of([uid]), reading)
            if given or (answer is None and refusal is not None):
                return Failed.REFUSED if len(missing) == 1 else None
            passing = passing or answer is Refusal.LATER
        if not passing and len(missing) <= TRIES:
            return Failed.REFUSED
        self._lose()
        return Failed.UNAVAILABLE

    def _existing(self, folder: PlannedFolder, missing: set[int], reading: Reading) -> set[int]:
        """Return those of the missing messages that exist, or all if the server does not say; record the others."""
        if not missing:
            return missing
        asked = UidRanges.of(missing)
        try:
            found = self._attempt(folder.name, folder.uidvalidity, lambda mailbox, _: mailbox.existing(asked))
        except FolderLost as lost:
            if lost.reason in (Failed.REFUSED, Failed.UNAVAILABLE):
                return missing
            raise
        there = set(spread(found))
        reading.leave_out(Skipped.VANISHED, missing - there)
        return there

    def _attempt(self, name: str, uidvalidity: int | None, ask: Callable[[Mailbox, Opened], T]) -> T:
        """Run `ask` on an open folder, and again if the connection breaks or the server refuses; raise FolderLost."""

        def act(mailbox: Mailbox) -> T:
            opened = self._open(mailbox, name)
            if uidvalidity is not None and opened.uidvalidity != uidvalidity:
                raise FolderLost(Failed.UIDVALIDITY)
            return ask(mailbox, opened)

        try:
            return self.ask(act)
        except (ConnectionLost, FolderRefused) as trouble:
            if isinstance(trouble, FolderRefused) and trouble.refusal is not Refusal.LATER:
                raise FolderLost(Failed.REFUSED) from None
            self._lose()
            raise FolderLost(Failed.UNAVAILABLE) from None

    def _bear(self, outage: Outage, *, tries: int | None, pause: bool) -> bool:
        """Return whether to try again, after a pause; the second time, over a new connection."""
        again = outage.bear(tries=tries, pause=pause)
        self._check_halt()
        if again and outage.tries == RENEWED_TRY and self._renewals:
            self._renewals -= 1
            self.drop()
        return again

    def _lost(self) -> None:
        """Drop a broken connection; raise Halted instead of opening another one for nothing."""
        self.drop()
        self._check_halt()

    def _check_halt(self) -> None:
        if self._patience.halt.is_set():
            raise Halted("The mining was stopped: run the same command again to resume.")

    def _lose(self) -> None:
        """Note an outage that did not end; raise HostUnreachable if the server has served only other connections."""
        if self._patience.served and not self._served:
            raise HostUnreachable("The mail server serves no further connection: use fewer connections.")
        self._patience.in_vain()

    def _open(self, mailbox: Mailbox, name: str) -> Opened:
        """Select a folder unless it is already selected."""
        if self._opened is None or self._opened[0] != name:
            self._opened = None
            try:
                self._opened = name, mailbox.examine(name)
            except FolderMissing:
                raise FolderLost(Failed.MISSING) from None
        return self._opened[1]

    def _reconnect(self) -> Mailbox:
        """Log in again for as long as the patience lasts, even if refused: this login has worked before."""
        halt, seconds = self._patience.halt, self._patience.seconds
        waiting = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type((ConnectionLost, HostUnreachable, LoginRefused)),
            wait=tenacity.wait_exponential_jitter(multiplier=seconds / 600, max=seconds / 8, jitter=seconds / 400),
            stop=tenacity.stop_any(tenacity.stop_after_delay(seconds), tenacity.stop_when_event_set(halt)),
            sleep=tenacity.sleep_using_event(halt),
            reraise=True,
        )
        try:
            return waiting(self._connect)
        except Trouble as trouble:
            self._check_halt()
            if isinstance(trouble, ConnectionLost):
                raise HostUnreachable(str(trouble)) from None
            raise


def _samples(missing: set[int], reading: Reading) -> list[int]:
    """Return a missing UID and that of the shortest message given so far, or else UIDs from all over the missing."""
    ordered = sorted(missing)
    if reading.messages:
        return [ordered[0], min(reading.messages.values(), key=lambda message: len(message.body)).uid]
    return ordered[:: max(1, len(ordered) // TRIES)]
