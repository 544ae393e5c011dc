"""Jobs over Redis Streams: a consumer group with acknowledgment after the commit, and a dead-letter stream."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from processor.ports import Delivery, Unavailable
from schemas.jobs import Job

STREAM = "leadminer:jobs"
DEAD_STREAM = "leadminer:dead"
GROUP = "processors"
DEAD_LETTERS = 10_000
"""About how many dead letters to keep. They are for people to look at; the ledger is what counts."""
SENT_AT_ONCE = 250
"""Jobs per round trip. Preparing thousands at once would hold up other tasks."""

TIMEOUT_SECONDS = 10.0


class Depth(NamedTuple):
    """How much is in the queue: jobs, the age of the oldest one, and dead letters."""

    jobs: int
    oldest_seconds: float
    dead: int


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[Redis]:
    """Connect to Redis over TCP, TLS or a Unix socket. Replies are decoded to strings."""
    redis = Redis.from_url(
        url, decode_responses=True, socket_connect_timeout=TIMEOUT_SECONDS, socket_timeout=TIMEOUT_SECONDS
    )
    try:
        yield redis
    finally:
        await redis.aclose()


class RedisJobQueue:
    """`JobQueue`, and `Deliveries` for one named processor."""

    def __init__(self, redis: Redis, *, consumer: str, claim_seconds: float) -> None:
        """Take over the jobs of consumers that were silent for `claim_seconds`. We renew our own while we work."""
        # redis-py types its replies for every protocol version at once; here they are strings.
        self._redis: Any = redis
        self._consumer = consumer
        self._claim_ms = int(claim_seconds * 1000)
        self._unread_own = True

    async def send(self, jobs: Sequence[Job]) -> None:
        """Queue these jobs, a few at a time, so that other tasks get their turn."""
        for start in range(0, len(jobs), SENT_AT_ONCE):
            pipeline = self._redis.pipeline(transaction=False)
            for job in jobs[start : start + SENT_AT_ONCE]:
                pipeline.xadd(STREAM, {"job": job.encode()})
            await self._ask(pipeline.execute())

    async def bury(self, job: str, *, reason: str) -> None:
        """Put a job on the dead-letter stream."""
        fields: dict[Any, Any] = {"job": job, "reason": reason}
        await self._ask(self._redis.xadd(DEAD_STREAM, fields, maxlen=DEAD_LETTERS, approximate=True))

    async def receive(self, *, wait_seconds: float) -> Delivery | None:
        """Return the next job: first one this consumer left unfinished, then one that others did, then a new one."""
        try:
            if self._unread_own:
                if (left := await self._claim(idle_ms=0, of_itself=True)) is not None:
                    return left
                self._unread_own = False
            if (left := await self._claim(idle_ms=self._claim_ms, of_itself=False)) is not None:
                return left
            answer = await self._redis.xreadgroup(
                GROUP, self._consumer, {STREAM: ">"}, count=1, block=max(1, int(wait_seconds * 1000))
            )
        except ResponseError as error:
            await self._recover(error)
            return None
        except (RedisError, OSError) as error:
            raise Unavailable("the queue does not answer") from error
        if not answer:
            self._unread_own = True  # if a reply was lost on its way, we own a job that we never saw
            return None
        [(_, [(entry, fields)])] = answer.items() if isinstance(answer, dict) else answer
        return Delivery(entry, fields["job"], 1)

    async def _claim(self, *, idle_ms: int, of_itself: bool) -> Delivery | None:
        pending = await self._redis.xpending_range(
            STREAM, GROUP, "-", "+", 1, consumername=self._consumer if of_itself else None, idle=idle_ms or None
        )
        for entry in pending:
            claimed = await self._redis.xclaim(STREAM, GROUP, self._consumer, idle_ms, [entry["message_id"]])
            for message, fields in claimed:
                if fields is not None:
                    return Delivery(message, fields["job"], int(entry["times_delivered"]) + 1)
        return None

    async def renew(self, delivery: Delivery) -> None:
        """Keep a delivery ours while we work on it. This does not count as another delivery."""
        await self._ask(self._redis.xclaim(STREAM, GROUP, self._consumer, 0, [delivery.id], justid=True))

    async def settle(self, delivery: Delivery) -> None:
        """Acknowledge a delivery and remove it from the stream."""
        pipeline = self._redis.pipeline(transaction=True)
        pipeline.xack(STREAM, GROUP, delivery.id)
        pipeline.xdel(STREAM, delivery.id)
        await self._ask(pipeline.execute())

    async def depth(self) -> Depth:
        """Return how much is in the queue now. An entry's id begins with the milliseconds at which it was added."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.xlen(STREAM)
        pipeline.xrange(STREAM, count=1)
        pipeline.xlen(DEAD_STREAM)
        pipeline.time()
        jobs, oldest, dead, (seconds, microseconds) = await self._ask(pipeline.execute())
        now = seconds + microseconds / 1e6
        age = now - int(oldest[0][0].partition("-")[0]) / 1000 if oldest else 0.0
        return Depth(jobs, max(0.0, age), dead)

    async def prepare(self) -> None:
        """Create the stream and the group if they are missing."""
        try:
            await self._redis.xgroup_create(STREAM, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise Unavailable("the queue refuses its group") from error
        except (RedisError, OSError) as error:
            raise Unavailable("the queue does not answer") from error

    async def _recover(self, error: ResponseError) -> None:
        if "NOGROUP" not in str(error):
            raise Unavailable("the queue refuses to answer") from error
        self._unread_own = True
        await self.prepare()

    async def _ask(self, answer: Any) -> Any:
        try:
            return await answer
        except (RedisError, OSError) as error:
            raise Unavailable("the queue does not answer") from error
