"""The pool: a few connections that fetch the segments of a plan."""

import threading
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from fetcher.imap.names import title_of
from fetcher.imap.patience import Patience
from fetcher.imap.reader import Halted, Reader
from fetcher.imap.reading import FolderLost, Reading
from fetcher.imap.uids import spread
from fetcher.mining.failures import Failures
from fetcher.mining.outbox import Outbox, Task
from fetcher.mining.senders import count_senders
from fetcher.ports import Trouble
from schemas.jobs import Job
from schemas.ledger import Failed, Skipped
from schemas.scope import Scope
from schemas.segments import PlannedFolder

IDLE_SECONDS = 0.1
"""How long an idle connection waits before it checks whether it has to stop."""


@dataclass(slots=True)
class Tally:
    """The counts of a mining's messages so far; every message of a finished task is in one of the three columns."""

    fetched: int = 0
    bytes_fetched: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    sent_folders: frozenset[str] = frozenset()
    senders: Counter[str] = field(default_factory=Counter)
    """How many messages this run read from `sent_folders`, by the address that wrote them."""
    failures: Failures = field(default_factory=Failures)

    @property
    def left_out(self) -> int:
        return self.skipped.total() + self.failed.total()

    def leave_out(self, reason: Skipped | Failed, messages: int) -> None:
        """Count messages that were not fetched."""
        (self.skipped if isinstance(reason, Skipped) else self.failed)[reason.value] += messages

    def add(self, reading: Reading, folder: PlannedFolder, said: str) -> None:
        """Count what a reading left out of a folder; the messages it read are counted once they are stored."""
        for reason, uids in reading.absent.items():
            self.leave_out(reason, len(uids))
            if isinstance(reason, Failed):
                self.failures.add(title_of(folder.name), reason, uids=uids, said=said)


class Pool:
    """Works through a list of tasks with as many connections as the server allows, and at least the first one."""

    def __init__(
        self,
        tasks: Iterable[Task],
        *,
        scope: Scope,
        tally: Tally,
        outbox: Outbox,
        patience: Patience,
    ) -> None:
        """Prepare to fetch `tasks` and count into `tally`. The halt ends the fetching; the end of it sets the halt."""
        self._tasks = deque(tasks)
        self._scope = scope
        self._tally = tally
        self._outbox = outbox
        self._patience = patience
        self._halt = patience.halt
        self._change = threading.Condition()
        self._in_flight = 0
        self._lost: dict[str, Failed] = {}
        self._threads: list[threading.Thread] = []
        self._fatal = False
        self._trouble: Trouble | None = None
        self._bug: Exception | None = None

    def start(self, readers: Iterable[Reader]) -> None:
        """Start one thread per reader."""
        for reader in readers:
            thread = threading.Thread(target=self._work, args=(reader,), name="fetch", daemon=True)
            self._threads.append(thread)
            thread.start()

    def wait(self, seconds: float) -> bool:
        """Wait at most `seconds`, and return whether all threads have ended."""
        for thread in self._threads:
            thread.join(seconds / len(self._threads))
        return not any(thread.is_alive() for thread in self._threads)

    def take_stored(self, reader: Reader, task: Task) -> Job:
        """Count a task whose segment is already stored, and return the job that processes it."""
        stored = self._outbox.stored_uids(task)
        missing = set(spread(task.segment.uids)) - set(stored)
        reading = Reading()
        try:
            reading = reader.tell_apart(task.folder, missing) if missing else reading
        except FolderLost as lost:
            reading.leave_out(lost.reason, missing)
        except Halted:
            reading.leave_out(Failed.UNAVAILABLE, missing)
        with self._change:
            self._tally.add(reading, task.folder, reader.said)
            self._tally.fetched += len(stored)
        return self._outbox.job(task, len(stored))

    def finish(self) -> list[Task]:
        """Return the tasks that were not started because of `halt`; raise the Trouble that ended the fetching."""
        if self._bug is not None:
            raise self._bug
        if self._trouble is not None and (self._fatal or (self._tasks and not self._halt.is_set())):
            raise self._trouble
        return list(self._tasks)

    def _work(self, reader: Reader) -> None:
        try:
            reader.mailbox()
            while (task := self._take()) is not None:
                try:
                    self._fetch(reader, task)
                finally:
                    self._put_down()
        except Trouble as trouble:
            self._trouble = trouble
        except Exception as bug:
            self._bug = bug
            self._halt.set()
        finally:
            reader.drop()

    def _take(self) -> Task | None:
        """Return a task, or None once no task is left and no failing connection can put one back."""
        with self._change:
            while not self._tasks and self._in_flight and not self._halt.is_set():
                self._change.wait(IDLE_SECONDS)
            if self._halt.is_set() or not self._tasks:
                self._halt.set()
                return None
            self._in_flight += 1
            if self._patience.tried:
                self._tasks.rotate(len(self._tasks) // 2)  # what the server refuses may be only here
            return self._tasks.popleft()

    def _put_down(self) -> None:
        with self._change:
            self._in_flight -= 1
            self._change.notify_all()

    def _fetch(self, reader: Reader, task: Task) -> None:
        reason = self._lost.get(task.folder.digest)
        try:
            reading = Reading() if reason else reader.read(task.folder, task.segment.uids, self._scope)
        except FolderLost as lost:
            reason = self._lost[task.folder.digest] = lost.reason
        except Trouble:
            with self._change:
                self._tasks.appendleft(task)
            raise
        if reason:
            reading = Reading()
            reading.leave_out(reason, set(spread(task.segment.uids)))
        self._keep(reader, task, reading)

    def _keep(self, reader: Reader, task: Task, reading: Reading) -> None:
        stored: int | None = 0
        is_sent = task.folder.name in self._tally.sent_folders
        senders = count_senders(reading.messages.values()) if is_sent else Counter()
        try:
            if reading.messages:
                stored = self._outbox.store(task, reading)
            if stored is None:
                # Another fetcher may have died before it sent the job, or we stored it and the answer was lost.
                self._outbox.send([self.take_stored(reader, task)])
                return
        except Trouble:
            self._fatal = True
            self._halt.set()
            raise
        with self._change:
            self._tally.add(reading, task.folder, reader.said)
            self._tally.fetched += len(reading.messages)
            self._tally.bytes_fetched += stored
            self._tally.senders.update(senders)
