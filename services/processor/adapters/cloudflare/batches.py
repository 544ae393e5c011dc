"""The consumer of the queue's batches: each message is acknowledged after the write, retried later, or given up.

A message is the runtime's object, with `body`, `attempts` (1 at first), `ack()` and `retry(...)`. Attempts count both
our own retries and deliveries that ended without a verdict. An outage must not look like a job that kills its
processor, so a waiting job is sent again as a new message, with attempts back at 1, long before `MAX_CRASHES`. The
queue's own retry limit must be above that. Messages that reach it go to the dead-letter queue, which is read here too.
"""

import random
from collections.abc import Iterable
from typing import Any, Final

from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.events import log_event
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.jobs.pipeline import MAX_CRASHES, Pipeline
from processor.ports import Conflict, Unavailable
from schemas.jobs import BadJob, Job

SEND_AGAIN_ATTEMPTS: Final = 10
"""Attempts after which a waiting job is sent again as a new message: half of MAX_CRASHES."""
MAX_STUMBLES: Final = 5
"""Attempts for a job that fails with an unexpected error. The sweep issues it again if it is still needed."""
MAX_BACK_OFF_SECONDS: Final = 300
QUERIES_LEFT: Final = 500
"""D1 statements after which an invocation starts no more jobs: the platform allows 1,000, and a job needs up to 400."""


class BatchConsumer:
    """Works through the batches of one invocation."""

    def __init__(self, pipeline: Pipeline, queue: CloudflareJobQueue, store: D1MiningStore) -> None:
        self._pipeline = pipeline
        self._queue = queue
        self._store = store

    async def consume(self, messages: Iterable[Any]) -> None:
        """Run the jobs one after another and settle each message."""
        for message in in_turn(messages):
            if self._store.queries > QUERIES_LEFT:
                await self._wait(message, delay_seconds=0)
            else:
                await self._do(message)

    async def consume_dead(self, messages: Iterable[Any]) -> None:
        """Settle the messages that the platform gave up on.

        They killed their processor again and again: a segment is dead, and a mining that cannot be refined ends as
        failed.
        """
        for message in messages:
            body = body_of(message)
            log_event("dead letter", **describe(body))
            try:
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
    """Return the messages, those with the fewest attempts first and otherwise in random order.

    A job that kills its processor also stops the jobs behind it. In random order each of them soon runs before it.
    """
    shuffled = list(messages)
    random.shuffle(shuffled)
    return sorted(shuffled, key=lambda message: int(message.attempts))


def back_off_seconds(attempts: int) -> int:
    """Return how long to wait after this many attempts: 1 second, doubled each time, at most 5 minutes."""
    return int(min(2 ** (attempts - 1), MAX_BACK_OFF_SECONDS))


def body_of(message: Any) -> str:
    """Return a message's text, or "" if its body is not text: other senders can push things that are not jobs."""
    return message.body if isinstance(message.body, str) else ""


def describe(body: str) -> dict[str, str]:
    """Return the fields of a job that are safe to log."""
    try:
        job = Job.decode(body)
    except BadJob:
        return {"kind": "none"}
    return {"kind": job.kind, "mining": job.mining}
