"""What becomes of each message of a batch: acknowledged after the write, tried again later, or given up.

A message is the runtime's: `body`, `attempts` (1 at first), `ack()` and `retry(...)`. Attempts count our own retries
and deliveries that came to no verdict alike; so that an outage never looks like a job that kills its processor, a job
that waits is sent anew, with its attempts at 1, long before `MAX_CRASHES`. The queue's own limit on retries has to be
above that; what reaches it goes to the dead-letter queue, which is read here too.
"""

import random
from collections.abc import Iterable
from typing import Any, Final

from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.events import log_event
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.jobs.pipeline import MAX_CRASHES, Pipeline
from processor.ports import Conflict, Unavailable
from schemas.jobs import BadJob, Job, JobKind

SEND_AGAIN_ATTEMPTS: Final = 10
"""Attempts after which a job that waits is sent as a new message: half of MAX_CRASHES."""
MAX_STUMBLES: Final = 5
"""Attempts of a job that fails in a way nobody foresaw; the sweep knows what is missing."""
MAX_BACK_OFF_SECONDS: Final = 300
QUERIES_LEFT: Final = 500
"""D1 statements after which an invocation takes no further job: the platform allows 1,000, one job needs up to 400."""


class BatchConsumer:
    """Works on the batches of one invocation."""

    def __init__(self, pipeline: Pipeline, queue: CloudflareJobQueue, store: D1MiningStore) -> None:
        self._pipeline = pipeline
        self._queue = queue
        self._store = store

    async def consume(self, messages: Iterable[Any]) -> None:
        """Do the jobs one after another, and give each its verdict."""
        for message in in_turn(messages):
            if self._store.queries > QUERIES_LEFT:
                await self._wait(message, delay_seconds=0)
            else:
                await self._do(message)

    async def consume_dead(self, messages: Iterable[Any]) -> None:
        """Settle what the platform gave up: a segment is dead, since it killed its processor again and again.

        Other jobs are issued anew by the sweep, as long as their mining waits for them.
        """
        for message in messages:
            body = body_of(message)
            log_event("dead letter", **describe(body))
            try:
                if is_segment(body):
                    await self._pipeline.handle(body, deliveries=MAX_CRASHES)
            except (Unavailable, Conflict) as error:
                log_event("dead letter waits", reason=str(error))
                message.retry(delaySeconds=MAX_BACK_OFF_SECONDS)
            except Exception as error:
                log_event("dead letter failed", error=type(error).__name__)
                message.retry(delaySeconds=MAX_BACK_OFF_SECONDS)
            else:
                message.ack()

    async def _do(self, message: Any) -> None:
        body = body_of(message)
        try:
            await self._pipeline.handle(body, deliveries=message.attempts)
        except (Unavailable, Conflict) as error:
            log_event("job waits", reason=str(error), attempts=message.attempts, **describe(body))
            await self._wait(message, delay_seconds=back_off_seconds(message.attempts))
        except Exception as error:
            log_event("job failed", error=type(error).__name__, attempts=message.attempts, **describe(body))
            if message.attempts < MAX_STUMBLES:
                message.retry(delaySeconds=back_off_seconds(message.attempts))
            else:
                await self._queue.bury(body, reason="error")
                message.ack()
        else:
            message.ack()

    async def _wait(self, message: Any, *, delay_seconds: int) -> None:
        if message.attempts >= SEND_AGAIN_ATTEMPTS:
            try:
                await self._queue.send_again(body_of(message), delay_seconds=delay_seconds)
            except Unavailable as error:
                log_event("job not sent again", reason=str(error))
            else:
                message.ack()
                return
        message.retry(delaySeconds=delay_seconds)


def in_turn(messages: Iterable[Any]) -> list[Any]:
    """Return the messages, those of fewest attempts first, else by chance.

    A job that kills its processor takes those behind it along: by chance each of them soon stands before it.
    """
    shuffled = list(messages)
    random.shuffle(shuffled)
    return sorted(shuffled, key=lambda message: int(message.attempts))


def back_off_seconds(attempts: int) -> int:
    """Return how long to wait after so many attempts: 1 second, doubled each time, at most 5 minutes."""
    return int(min(2 ** (attempts - 1), MAX_BACK_OFF_SECONDS))


def body_of(message: Any) -> str:
    """Return a message's text; whoever may push to the queue may push other things, which are no jobs."""
    return message.body if isinstance(message.body, str) else ""


def is_segment(body: str) -> bool:
    """Say whether this is the job of a segment."""
    try:
        return Job.decode(body).kind is JobKind.SEGMENT
    except BadJob:
        return False


def describe(body: str) -> dict[str, str]:
    """Return what a log may say of a job."""
    try:
        job = Job.decode(body)
    except BadJob:
        return {"kind": "none"}
    return {"kind": job.kind, "mining": job.mining}
