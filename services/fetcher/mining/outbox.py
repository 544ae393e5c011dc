"""Where segments go: the raw store, and only once that has confirmed, the queue."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fetcher.imap.patience import insist
from fetcher.imap.reader import Reading
from fetcher.imap.uids import spread
from fetcher.ports import JobQueue, RawStore
from schemas.jobs import Job, JobKind
from schemas.segments import PlannedFolder, PlannedSegment, Segment, StoredMessage, segment_key

HEAD_BYTES = 64 * 1024
"""More than the first line of a segment of 500 messages, which has 30 bytes a message."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """One segment to be fetched."""

    folder: PlannedFolder
    segment: PlannedSegment


class Outbox:
    """Puts the segments of one mining into the store and the queue; threads may share it.

    What does not answer is asked again for `patience_seconds` or until `halt` is set; then Unavailable goes up.
    """

    def __init__(
        self, mining: str, raw_store: RawStore, queue: JobQueue, *, halt: threading.Event, patience_seconds: float
    ) -> None:
        """Send the segments of one mining."""
        self._mining = mining
        self._raw_store = raw_store
        self._queue = queue
        self._halt = halt
        self._patience_seconds = patience_seconds

    def store(self, task: Task, reading: Reading) -> int | None:
        """Store a segment's messages, send its job, and return how many bytes it has; None where it was there already.

        What is there stays: its job may have been done, and its numbers be in a ledger.
        """
        messages = [reading.messages[uid] for uid in sorted(reading.messages)]
        absent = [uid for uids in reading.absent.values() for uid in uids]
        segment = Segment(
            task.folder.digest,
            task.folder.uidvalidity,
            task.segment.covers.without(absent),
            tuple(StoredMessage(each.uid, len(each.body), each.internal_date, each.truncated) for each in messages),
        )
        data = segment.encode([each.body for each in messages])
        if not self._persist(lambda: self._raw_store.put(self._key(task), data, if_absent=True)):
            return None
        self.send([self.job(task, len(messages))])
        return len(data)

    def stored(self) -> set[str]:
        """Return the keys of what the store has of this mining."""
        return self._persist(lambda: set(self._raw_store.list(f"{self._mining}/")))

    def is_stored(self, task: Task, keys: set[str]) -> bool:
        """Return whether a task's segment is among these keys."""
        return self._key(task) in keys

    def stored_uids(self, task: Task) -> list[int]:
        """Return the UIDs of the messages that a stored segment holds: all that were planned where it is damaged.

        The processor finds those dead, in words of the ledger.
        """
        key = self._key(task)
        line, end, _ = self._persist(lambda: self._raw_store.head(key, length=HEAD_BYTES)).partition(b"\n")
        if not end:
            line, _, _ = self._persist(lambda: self._raw_store.get(key)).partition(b"\n")
        try:
            return [int(message[0]) for message in json.loads(line)["messages"]]
        except (ValueError, LookupError, TypeError):
            return list(spread(task.segment.uids))

    def job(self, task: Task, messages: int) -> Job:
        """Return the job by which a stored segment is processed."""
        return Job(JobKind.SEGMENT, self._mining, task.folder.segment_name(task.segment), messages)

    def send(self, jobs: list[Job]) -> None:
        """Hand jobs over to the queue."""
        self._persist(lambda: self._queue.send(jobs))

    def _key(self, task: Task) -> str:
        return segment_key(self._mining, task.folder.segment_name(task.segment))

    def _persist(self, act: Callable[[], T]) -> T:
        return insist(act, halt=self._halt, patience_seconds=self._patience_seconds)
