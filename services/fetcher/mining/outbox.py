"""Sends segments to the raw store and, only after the store has confirmed, to the queue."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from fetcher.imap.patience import insist
from fetcher.imap.reading import Reading
from fetcher.imap.uids import spread
from fetcher.ports import JobQueue, RawStore
from schemas.jobs import Job, JobKind
from schemas.segments import PlannedFolder, PlannedSegment, Segment, StoredMessage, segment_key

HEAD_BYTES = 64 * 1024
"""More than the first line of a segment of 500 messages, which takes 30 bytes per message."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task:
    """One segment to fetch."""

    folder: PlannedFolder
    segment: PlannedSegment


class Outbox:
    """Puts the segments of one mining into the store and the queue. Safe to share between threads.

    If the store or the queue does not answer, it retries. After `patience_seconds`, or once `halt` is set, raises
    Unavailable.
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
        """Store a segment's messages, send its job and return its size in bytes; None if it was already stored.

        An existing segment is never replaced, because its job may be done and its numbers may be in the ledger.
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
        """Return the keys of all objects in the store that belong to this mining."""
        return self._persist(lambda: set(self._raw_store.list(f"{self._mining}/")))

    def is_stored(self, task: Task, keys: set[str]) -> bool:
        """Return whether the key of a task's segment is in `keys`."""
        return self._key(task) in keys

    def stored_uids(self, task: Task) -> list[int]:
        """Return the UIDs of the messages in a stored segment, or all planned UIDs if the segment is damaged.

        The processor counts the messages of a damaged segment as dead, with a reason in the ledger.
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
        """Return the job that processes a stored segment."""
        return Job(JobKind.SEGMENT, self._mining, task.folder.segment_name(task.segment), messages)

    def send(self, jobs: list[Job]) -> None:
        """Send jobs to the queue."""
        self._persist(lambda: self._queue.send(jobs))

    def _key(self, task: Task) -> str:
        return segment_key(self._mining, task.folder.segment_name(task.segment))

    def _persist(self, act: Callable[[], T]) -> T:
        return insist(act, halt=self._halt, patience_seconds=self._patience_seconds)
