"""The loop runs waiting jobs, waits during outages, and stops after the current job."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from tenacity import AsyncRetrying, retry_if_result, stop_after_delay, wait_fixed

from processor.adapters.container.redis import DEAD_STREAM, STREAM, RedisJobQueue
from processor.jobs.consumer import Consumer
from processor.ports import Delivery
from tests.support.stack import Begun, Folder, Stack, mail

MAILBOX = Folder([[mail(n, sender=f"p{n}@firm.com") for n in range(4)], [mail(n) for n in range(4, 6)]])
PATIENCE_SECONDS = 20


@asynccontextmanager
async def running(stack: Stack) -> AsyncIterator[Consumer]:
    """Run a consumer during the test and stop it afterwards."""
    consumer = Consumer(stack.queue, stack.pipeline, stack.sweeper, claim_seconds=30, sweep_seconds=0)
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        consumer.stop()
        await asyncio.wait_for(task, PATIENCE_SECONDS)


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds."""
    async for attempt in AsyncRetrying(
        retry=retry_if_result(lambda held: not held),
        wait=wait_fixed(0.02),
        stop=stop_after_delay(PATIENCE_SECONDS),
    ):
        with attempt:
            held = await holds()
        if not attempt.retry_state.outcome.failed:  # type: ignore[union-attr]
            attempt.retry_state.set_result(held)


async def finished(stack: Stack, begun: Begun) -> bool:
    return bool((await stack.report(begun))["state"] == "finished")


async def test_what_waits_is_done_and_acknowledged(stack: Stack) -> None:
    """A mining reaches its end, and the queue is then empty."""
    begun = await stack.begin()
    await stack.queue.send(stack.store(begun, MAILBOX))
    await stack.fetched(begun)

    async with running(stack):
        await until(lambda: finished(stack, begun))
        await until(lambda: is_empty(stack))

    assert (await stack.report(begun))["balanced"]


async def is_empty(stack: Stack) -> bool:
    return bool(await stack.queue._redis.xlen(STREAM) == 0)


async def test_an_idle_consumer_sweeps(stack: Stack) -> None:
    """An idle consumer finds jobs that the queue lost."""
    begun = await stack.begin()
    stack.store(begun, MAILBOX)
    await stack.fetched(begun)

    async with running(stack):
        await until(lambda: finished(stack, begun))

    assert (await stack.report(begun))["ledger"]["processed"] == 6


async def test_a_job_waits_while_the_store_is_away(stack: Stack) -> None:
    """No job is given up, and the mining ends once the store is back."""
    begun = await stack.begin()
    await stack.queue.send(stack.store(begun, MAILBOX))
    await stack.fetched(begun)
    away = stack.root.with_name("away")
    stack.root.rename(away)

    async with running(stack):
        await asyncio.sleep(0.5)
        away.rename(stack.root)
        await until(lambda: finished(stack, begun))

    assert (await stack.report(begun))["ledger"]["dead"] == {}


async def test_a_stop_leaves_a_waiting_job_to_the_next(stack: Stack) -> None:
    """A consumer that is stopped while its job waits ends soon, and the job stays in the queue."""
    begun = await stack.begin()
    await stack.queue.send(stack.store(begun, MAILBOX))
    stack.root.rename(stack.root.with_name("away"))

    async with running(stack):
        await asyncio.sleep(0.3)

    assert await stack.queue._redis.xlen(STREAM) == 2


async def test_an_idle_consumer_stops_at_once(stack: Stack) -> None:
    """A consumer that waits for a job stops without it, however long the queue would have waited."""

    class Silent(RedisJobQueue):
        async def receive(self, *, wait_seconds: float) -> Delivery | None:
            waits.set()
            return await asyncio.Future()

    waits = asyncio.Event()
    silent = Silent(stack.queue._redis, consumer="one", claim_seconds=30)
    consumer = Consumer(silent, stack.pipeline, stack.sweeper, claim_seconds=30, sweep_seconds=60)
    task = asyncio.create_task(consumer.run())
    await waits.wait()

    consumer.stop()

    await asyncio.wait_for(task, PATIENCE_SECONDS)


async def test_a_job_that_fails_for_no_known_reason_is_put_aside(stack: Stack) -> None:
    """After a few unexpected errors a job goes to the dead letters, and the loop continues."""
    begun = await stack.begin()
    jobs = stack.store(begun, MAILBOX)
    async with stack.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute("UPDATE minings SET settings = 'no JSON'")
    await stack.queue.send(jobs[:1])

    async with running(stack):
        await until(lambda: is_empty(stack))

    [(_, fields)] = await stack.queue._redis.xrange(DEAD_STREAM)
    assert fields == {"job": jobs[0].encode(), "reason": "error"}
