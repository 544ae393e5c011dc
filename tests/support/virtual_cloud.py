"""A Worker's queue, cron and database on a clock of the test's own, so that a day of outage takes a second."""

import heapq
from collections.abc import AsyncIterator, Callable, Sequence
from itertools import count
from typing import Any, TypeVar

from processor.adapters.cloudflare.batches import BatchConsumer
from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.events import log_event
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.jobs.pipeline import Pipeline
from processor.jobs.refining import refine_jobs
from processor.jobs.sweep import Sweeper
from processor.jobs.tools import Ports
from processor.minings.table import Minings
from processor.ports import NotFound, Unavailable
from schemas.jobs import Job
from schemas.segments import Segment, StoredMessage
from schemas.uids import UidRanges
from tests.support.cloudflare_bindings import MemoryQueue, Message
from tests.support.sqlite_d1 import SqliteD1
from tests.support.stack import mail

CRON_SECONDS = 300
STILL_SECONDS = 600.0
FIRST_MOMENT = 1_800_000_000
OUTSTANDING = """SELECT
    (SELECT count(*) FROM segments JOIN minings AS m USING (mining_no)
    WHERE m.state = 'processing' AND segments.state = 'waiting')
    + (SELECT count(*) FROM minings WHERE state IN ('teardown', 'failing'))"""
"""The jobs that minings wait for, except those to refine."""
REFINING = "SELECT mining_id FROM minings WHERE state = 'refining'"
T = TypeVar("T")


class EverySegment:
    """A raw store that has a segment of one message under every key of a segment."""

    async def get(self, key: str) -> bytes:
        """Return the segment of this key, whose message no other key has."""
        if key.count("/") < 2:
            raise NotFound
        body = mail(abs(hash(key)), sender=f"p{abs(hash(key)) % 97}@firm.com")
        head = Segment("0123456789abcdef", 7, UidRanges([(1, 1)]), (StoredMessage(1, len(body)),))
        return head.encode([body])

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield nothing."""
        for key in list[str]():
            yield key

    async def delete(self, keys: Sequence[str]) -> None:
        """Forget nothing."""


class Contacts:
    """A permanent side that accepts everything, or does not answer, or refuses for ever."""

    def __init__(self) -> None:
        self.fault: Exception | None = None

    async def call(self, function: str, **arguments: Any) -> Any:
        """Answer as if the mining were open."""
        if self.fault is not None:
            raise self.fault
        return {"state": "open", "open": True}


class VirtualCloud:
    """The Worker's adapters and jobs around one queue; `run` lets time pass."""

    def __init__(self) -> None:
        self.now = float(FIRST_MOMENT)
        self.database = SqliteD1.migrated()
        self.database.connection.create_function("unixepoch", 0, lambda: int(self.now))
        self.store = D1MiningStore(self.database)
        self.minings = Minings(self.store)
        self.contacts = Contacts()
        self.loses = False
        self.computed = 0
        self.delivered = 0
        self._waiting: list[tuple[float, int, Message]] = []
        self._numbers = count()
        self._sent = MemoryQueue()
        self._queue = CloudflareJobQueue(self._sent)
        ports = Ports(EverySegment(), self.minings, self.contacts, self._queue, log_event, self._compute)
        self.pipeline = Pipeline(ports, still_seconds=STILL_SECONDS)
        self._sweeper = Sweeper(ports, self.pipeline, silent_seconds=86_400)

    async def _compute(self, work: Callable[[], T], /) -> T:
        self.computed += 1
        return work()

    async def send(self, jobs: Sequence[Job]) -> None:
        """Queue jobs, as a fetcher does."""
        await self._queue.send(jobs)
        self._collect()

    def refuse(self, refuses: bool) -> None:
        """Let the queue refuse jobs, or take them again."""
        self._sent.fails = refuses

    @property
    def queued(self) -> int:
        """The jobs in the queue, besides echoes."""
        return len(self._waiting) - self.echoes

    @property
    def echoes(self) -> int:
        """The echoes in the queue."""
        return sum('"echo"' in message.body for _, _, message in self._waiting)

    async def outstanding(self) -> int:
        """Return how many jobs the unfinished minings wait for."""
        [(jobs,)] = self.database.connection.execute(OUTSTANDING).fetchall()
        for (mining,) in self.database.connection.execute(REFINING).fetchall():
            self._begin_invocation()
            chunks = await self.minings.chunks_to_refine(await self.minings.find(mining))
            jobs += len(refine_jobs(mining, chunks))
        return int(jobs)

    async def run(self, seconds: float, *, job_seconds: float, look: Callable[[], Any]) -> None:
        """Let time pass: the consumer takes a job every `job_seconds`; the cron runs, and `look` after it."""
        until = self.now + seconds
        free_at = cron_at = self.now
        while cron_at < until:
            cron_at += CRON_SECONDS
            while self._waiting and (at := max(self._waiting[0][0], free_at)) < cron_at:
                self.now = at
                await self._deliver(heapq.heappop(self._waiting)[2])
                free_at = at + job_seconds
            self.now = cron_at
            self._begin_invocation()
            await self._sweeper.sweep()
            self._collect()
            await look()

    async def _deliver(self, message: Message) -> None:
        self._begin_invocation()
        self.delivered += 1
        await BatchConsumer(self.pipeline, self._queue, self.store).consume([message])
        self._collect()
        if message.verdict == "retry":
            self._put(message.body, message.attempts + 1, message.delay_seconds)

    def _collect(self) -> None:
        """Put what was sent into the queue, or lose it."""
        for message in self._sent.take():
            if not self.loses:
                self._put(message.body, 1, message.delay_seconds)

    def _put(self, body: str, attempts: int, delay_seconds: float) -> None:
        heapq.heappush(self._waiting, (self.now + delay_seconds, next(self._numbers), Message(body, attempts)))

    def _begin_invocation(self) -> None:
        self.database.begin_invocation()
        self.store.queries = 0


AWAY = Unavailable("Supabase does not answer")
