"""However long a queue is and however long an outage lasts, jobs never pile up, and lost ones are sent again."""

import pytest

from processor.minings.mining import Mining
from processor.ports import Unavailable
from schemas.jobs import Job, JobKind
from tests.contract.mining_store import CHUNKS, begin, count, key
from tests.support.virtual_cloud import AWAY, STILL_SECONDS, VirtualCloud

HOUR, DAY = 3_600, 86_400
MOST_ECHOES = 8
"""What a day has, if none of them arrives."""


@pytest.fixture
def cloud() -> VirtualCloud:
    """Return an empty cloud."""
    return VirtualCloud()


async def processing(cloud: VirtualCloud, segments: int) -> Mining:
    """Begin a mining and end its fetching with this many segments, whose jobs are queued."""
    cloud.database.begin_invocation()
    cloud.store.queries = 0
    mining = await begin(cloud.minings)
    names = [f"0123456789abcdef/7/{number}-{number}" for number in range(1, segments + 1)]
    await cloud.minings.end_fetching(
        mining, lease=mining.lease, listed=segments, folders_failed={}, skipped={}, failed={}, segments=names
    )
    await cloud.send([Job(JobKind.SEGMENT, mining.id, segment=name, messages=1) for name in names])
    return await cloud.minings.find(mining.id)


async def refining(cloud: VirtualCloud) -> Mining:
    """Bring a mining to refining, with points in all chunks and its jobs queued."""
    mining = await begin(cloud.minings)
    await count(cloud.minings, mining, "a", [key(mining.number)], {chunk: ["[]"] for chunk in range(CHUNKS)})
    await cloud.minings.end_fetching(
        mining, lease=mining.lease, listed=1, folders_failed={}, skipped={}, failed={}, segments=["a"]
    )
    await cloud.pipeline.resending.move(await cloud.minings.find(mining.id))
    await cloud.send([])
    return await cloud.minings.find(mining.id)


class Bound:
    """Checks the bounds whenever it is called, and keeps how many more jobs than needed it saw at most."""

    def __init__(self, cloud: VirtualCloud) -> None:
        self._cloud = cloud
        self.most_extra = 0

    async def __call__(self) -> None:
        """Fail if more than twice the jobs outstanding are queued, or more than a few echoes."""
        outstanding = await self._cloud.outstanding()
        self.most_extra = max(self.most_extra, self._cloud.queued - outstanding)
        assert self._cloud.queued <= 2 * outstanding, (self._cloud.now, self._cloud.queued, outstanding)
        assert self._cloud.echoes <= MOST_ECHOES


async def test_a_day_of_outage_fills_no_queue(cloud: VirtualCloud) -> None:
    """With the permanent side away for a day, refine jobs are sent again a few times, and compute nothing."""
    minings = [await refining(cloud) for _ in range(5)]
    cloud.contacts.fault = AWAY
    bound = Bound(cloud)

    await cloud.run(DAY, job_seconds=0.1, look=bound)
    rounds = [(await cloud.minings.find(mining.id)).round for mining in minings]
    computed = cloud.computed
    cloud.contacts.fault = None
    await cloud.run(2 * HOUR, job_seconds=0.1, look=bound)

    assert computed == 0
    assert rounds == [8] * 5  # after 10, 30, 70, 150, 310, 630 and 990 minutes, and 22.5 hours
    assert await cloud.minings.ids() == []
    assert cloud.queued == 0


async def test_a_hundred_thousand_jobs_get_no_copies(cloud: VirtualCloud) -> None:
    """Minings that wait for their turn in a long queue are not taken for lost."""
    for _ in range(500):
        await processing(cloud, 200)
    bound = Bound(cloud)

    await cloud.run(6 * HOUR, job_seconds=60, look=bound)

    assert bound.most_extra == 0
    assert cloud.database.connection.execute("SELECT max(round) FROM minings").fetchone()[0] == 0


async def test_a_slow_queue_does_each_job_once(cloud: VirtualCloud) -> None:
    """A queue that needs most of a day delivers what was sent, a few echoes, and nothing twice."""
    for _ in range(20):
        await processing(cloud, 20)

    await cloud.run(DAY, job_seconds=120, look=Bound(cloud))

    assert await cloud.minings.ids() == []
    assert 400 < cloud.delivered <= 400 + 20 * 5 + 2 * MOST_ECHOES


@pytest.mark.parametrize("losses", [1, 2])
async def test_what_a_queue_loses_is_sent_again(cloud: VirtualCloud, losses: int) -> None:
    """A queue that loses everything it is given, echoes included, only delays a mining."""
    cloud.loses = True
    mining = await processing(cloud, 20)
    bound = Bound(cloud)

    await cloud.run(losses * 3 * HOUR, job_seconds=1, look=bound)
    cloud.loses = False
    await cloud.run(7 * HOUR, job_seconds=1, look=bound)

    assert mining.id not in await cloud.minings.ids()


async def test_a_lost_job_costs_ten_minutes(cloud: VirtualCloud) -> None:
    """A mining whose jobs were lost goes on soon after it counts as stalled."""
    cloud.loses = True
    mining = await processing(cloud, 20)
    cloud.loses = False

    await cloud.run(STILL_SECONDS + 600, job_seconds=1, look=Bound(cloud))

    assert mining.id not in await cloud.minings.ids()


async def test_jobs_of_an_earlier_round_are_void(cloud: VirtualCloud) -> None:
    """When jobs were sent again, the earlier copies do nothing, so that one copy of each is left."""
    mining = await processing(cloud, 1)
    recorded = await cloud.minings.stalls.record_resend(mining)

    await cloud.pipeline.handle(Job(JobKind.SEGMENT, mining.id, segment="0123456789abcdef/7/1-1").encode())

    assert recorded is not None
    assert await cloud.minings.waiting(mining) == ["0123456789abcdef/7/1-1"]


async def test_repeated_jobs_of_a_left_state_resend_once(cloud: VirtualCloud) -> None:
    """A hundred redelivered segment jobs of a mining that is refining send its jobs again once, not a hundred times."""
    mining = await refining(cloud)
    before = cloud.queued
    late = Job(JobKind.SEGMENT, mining.id, segment="a", round=9).encode()

    for _ in range(100):
        await cloud.pipeline.handle(late, deliveries=2)
    await cloud.send([])

    assert cloud.queued == before + 4


@pytest.mark.parametrize("failures", [1, 2, 5])
async def test_a_queue_that_is_away_for_a_moment_costs_no_sweep(cloud: VirtualCloud, failures: int) -> None:
    """The job that moves a mining on tries again until the jobs of the new state are sent; no sweep is needed."""
    mining = await processing(cloud, 1)
    job = Job(JobKind.SEGMENT, mining.id, segment="0123456789abcdef/7/1-1").encode()

    cloud.refuse(True)
    for turn in range(failures):
        with pytest.raises(Unavailable):
            await cloud.pipeline.handle(job, again=turn > 0)
    cloud.refuse(False)
    before = cloud.queued
    await cloud.pipeline.handle(job, again=True)
    await cloud.send([])

    assert (await cloud.minings.find(mining.id)).state == "refining"
    assert cloud.queued > before


@pytest.mark.parametrize(("points", "state"), [({0: ["[]"]}, "refining"), ({}, "teardown")])
async def test_a_resend_that_moves_on_in_vain_counts_for_nothing(
    cloud: VirtualCloud, points: dict[int, list[str]], state: str
) -> None:
    """If a resend moves the mining on while the queue is away, its next resend is its first in the new state."""
    mining = await processing(cloud, 1)
    await count(cloud.minings, mining, "0123456789abcdef/7/1-1", [key(mining.number)], points)
    cloud.refuse(True)

    with pytest.raises(Unavailable):
        await cloud.pipeline.resending.resend(mining)
    found = await cloud.minings.find(mining.id)

    assert (found.state, found.round, found.resends) == (state, 0, 0)
