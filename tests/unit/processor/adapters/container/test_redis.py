"""Redis Streams deliver each job at least once, to one processor at a time, and never lose it with a processor."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from processor.adapters.container.redis import DEAD_STREAM, STREAM, RedisJobQueue, open_redis
from processor.ports import Unavailable
from schemas.jobs import Job, JobKind
from tests.support.servers import Valkey

JOB = Job(JobKind.TEARDOWN, "6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
NOW = 0.001


class Queues:
    """The queues of several processors on one server."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis

    async def open(self, name: str, *, claim_seconds: float = 30) -> RedisJobQueue:
        queue = RedisJobQueue(self.redis, consumer=name, claim_seconds=claim_seconds)
        await queue.prepare()
        return queue


@pytest.fixture
async def queues(redis_url: str) -> AsyncIterator[Queues]:
    async with AsyncExitStack() as opened:
        yield Queues(await opened.enter_async_context(open_redis(redis_url)))


async def test_a_settled_job_is_gone(queues: Queues) -> None:
    """After its acknowledgment a job is neither in the stream nor pending."""
    queue = await queues.open("one")
    await queue.send([JOB])

    delivery = await queue.receive(wait_seconds=NOW)
    assert delivery is not None
    await queue.settle(delivery)

    assert (delivery.job, delivery.deliveries) == (JOB.encode(), 1)
    assert await queues.redis.xlen(STREAM) == 0
    assert await queue.receive(wait_seconds=NOW) is None


async def test_each_job_goes_to_one_processor(queues: Queues) -> None:
    """While one processor has a job, no other gets it."""
    one, two = await queues.open("one"), await queues.open("two")
    await one.send([JOB])

    first, second = await one.receive(wait_seconds=NOW), await two.receive(wait_seconds=NOW)

    assert first is not None
    assert second is None


async def test_a_restarted_processor_finds_what_it_left_undone(queues: Queues) -> None:
    """A processor with the same name gets its unfinished job at once, and the deliveries keep counting."""
    await (await queues.open("one")).send([JOB])
    for deliveries in (1, 2, 3):
        delivery = await (await queues.open("one")).receive(wait_seconds=NOW)

        assert delivery is not None
        assert delivery.deliveries == deliveries


async def test_the_job_of_a_silent_processor_is_taken_over(queues: Queues) -> None:
    """Another processor gets the job after the claim time, and not before."""
    one, two = await queues.open("one", claim_seconds=0.3), await queues.open("two", claim_seconds=0.3)
    await one.send([JOB])
    await one.receive(wait_seconds=NOW)

    before = await two.receive(wait_seconds=NOW)
    await asyncio.sleep(0.4)
    after = await two.receive(wait_seconds=NOW)

    assert before is None
    assert after is not None
    assert after.deliveries == 2


async def test_a_renewed_job_is_not_taken_over(queues: Queues) -> None:
    """A long job stays with its processor, and a renewal does not count as a delivery."""
    one, two = await queues.open("one", claim_seconds=0.4), await queues.open("two", claim_seconds=0.4)
    await one.send([JOB])
    delivery = await one.receive(wait_seconds=NOW)
    assert delivery is not None

    for _ in range(3):
        await asyncio.sleep(0.25)
        await one.renew(delivery)

    assert await two.receive(wait_seconds=NOW) is None
    assert (await (await queues.open("one")).receive(wait_seconds=NOW)) == delivery._replace(deliveries=2)


async def test_a_queue_that_lost_everything_is_made_anew(queues: Queues) -> None:
    """After Redis comes back empty, the stream and group are created again, and new jobs are delivered."""
    queue = await queues.open("one")
    await queues.redis.flushdb()

    await queue.receive(wait_seconds=NOW)
    await queue.send([JOB])

    assert await queue.receive(wait_seconds=NOW) is not None


async def test_a_buried_job_lies_with_its_reason(queues: Queues) -> None:
    """The dead-letter stream has the job and the reason why it was given up."""
    queue = await queues.open("one")

    await queue.bury("noise", reason="unreadable")

    lying = await queues.redis.xrange(DEAD_STREAM)
    assert [fields for _, fields in lying or ()] == [{"job": "noise", "reason": "unreadable"}]


async def test_a_server_that_is_away_is_unavailable() -> None:
    """Every call raises Unavailable, and works again when the server is back."""
    with Valkey() as server:
        async with open_redis(server.url()) as redis:
            queue = await Queues(redis).open("one")
            await queue.send([JOB])
            server.kill9()

            for call in (queue.send([JOB]), queue.receive(wait_seconds=NOW), queue.bury("x", reason="error")):
                with pytest.raises(Unavailable):
                    await call
            server.start()

            assert await queue.receive(wait_seconds=NOW) is not None
