"""Each message of a batch is settled by itself, and an outage never counts as a crash."""

from collections.abc import Callable
from typing import Any

import pytest

from processor.adapters.cloudflare.batches import (
    MAX_BACK_OFF_SECONDS,
    MAX_STUMBLES,
    QUERIES_LEFT,
    SEND_AGAIN_ATTEMPTS,
    BatchConsumer,
    back_off_seconds,
    in_turn,
)
from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.jobs.pipeline import MAX_CRASHES, Pipeline
from processor.ports import Conflict, Unavailable
from schemas.jobs import Job, JobKind
from tests.support.cloudflare_bindings import MemoryQueue, Message

MINING = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
SEGMENT = Job(JobKind.SEGMENT, MINING, segment="d/7/1-5", messages=5).encode()
REFINE = Job(JobKind.REFINE, MINING, chunk=1).encode()


class Handled(Pipeline):
    """A pipeline that runs the test's own function for each job and records the jobs."""

    def __init__(self, act: Callable[[str], None] = lambda job: None) -> None:
        self.handed: list[tuple[str, int]] = []
        self._act = act

    async def handle(self, text: str, *, deliveries: int = 1, again: bool = False) -> None:
        """Run one job."""
        self.handed.append((text, deliveries))
        self._act(text)


@pytest.fixture
def queue() -> MemoryQueue:
    """Return an empty queue."""
    return MemoryQueue()


def raise_(error: Exception) -> Callable[[str], None]:
    """Return a function that fails for every job."""

    def act(job: str) -> None:
        raise error

    return act


async def consume(pipeline: Handled, queue: MemoryQueue, *messages: Message, queries: int = 0) -> list[str]:
    """Consume a batch and return its verdicts."""
    store = D1MiningStore(None)
    store.queries = queries
    await BatchConsumer(pipeline, CloudflareJobQueue(queue), store).consume(messages)
    return [message.verdict for message in messages]


async def test_what_is_done_is_acknowledged(queue: MemoryQueue) -> None:
    """Every job is handled once, with its attempts as deliveries."""
    pipeline = Handled()

    verdicts = await consume(pipeline, queue, Message(SEGMENT), Message(REFINE, 3))

    assert verdicts == ["ack", "ack"]
    assert pipeline.handed == [(SEGMENT, 1), (REFINE, 3)]


async def test_one_failure_is_not_the_others(queue: MemoryQueue) -> None:
    """A job that has to wait does not hold up the others."""

    def act(job: str) -> None:
        if job == SEGMENT:
            raise Unavailable("R2 does not answer")

    verdicts = await consume(Handled(act), queue, Message(SEGMENT), Message(REFINE))

    assert verdicts == ["retry", "ack"]


@pytest.mark.parametrize("error", [Unavailable("away"), Conflict("again")])
async def test_an_outage_never_counts_as_a_crash(queue: MemoryQueue, error: Exception) -> None:
    """However long an outage lasts, no job reaches the deliveries of a crash, and none is lost."""
    pipeline = Handled(raise_(error))
    message = Message(SEGMENT)

    for _ in range(200):
        [verdict] = await consume(pipeline, queue, message)
        if verdict == "ack":
            [message] = queue.take()
        else:
            message = Message(message.body, message.attempts + 1)

    assert max(deliveries for _, deliveries in pipeline.handed) == SEND_AGAIN_ATTEMPTS < MAX_CRASHES
    assert message.body == SEGMENT


async def test_an_outage_of_the_queue_too_only_delays(queue: MemoryQueue) -> None:
    """A job that cannot be sent again is not acknowledged."""
    queue.fails = True

    assert await consume(Handled(raise_(Unavailable("away"))), queue, Message(SEGMENT, 15)) == ["retry"]


async def test_what_nobody_foresaw_is_given_up(queue: MemoryQueue, capsys: pytest.CaptureFixture[str]) -> None:
    """After an unexpected error a job is retried, then given up. The log has the error's class, never its text."""
    pipeline = Handled(raise_(RuntimeError("jane@acme.com")))

    early = await consume(pipeline, queue, Message(REFINE, 1))
    late = await consume(pipeline, queue, Message(REFINE, MAX_STUMBLES))

    logged = capsys.readouterr().out
    assert (early, late) == (["retry"], ["ack"])
    assert "RuntimeError" in logged
    assert "jane@acme.com" not in logged


async def test_a_batch_stays_within_the_invocations_queries(queue: MemoryQueue) -> None:
    """After many D1 statements, the rest of the batch is returned at once, untouched."""
    pipeline = Handled()
    message = Message(REFINE)

    verdicts = await consume(pipeline, queue, message, queries=QUERIES_LEFT + 1)

    assert (verdicts, message.delay_seconds, pipeline.handed) == (["retry"], 0, [])


@pytest.mark.parametrize("body", [SEGMENT, REFINE, "noise"])
async def test_a_dead_letter_is_given_up(queue: MemoryQueue, body: str) -> None:
    """What the platform gave up on is handled as a job that killed its processor too often."""
    pipeline = Handled()
    message = Message(body, 1)

    await BatchConsumer(pipeline, CloudflareJobQueue(queue), D1MiningStore(None)).consume_dead([message])

    assert pipeline.handed == [(body, MAX_CRASHES)]
    assert message.verdict == "ack"


def decode(job: str) -> None:
    """Fail for a job that cannot be decoded."""
    Job.decode(job)


@pytest.mark.parametrize(
    "body", [5, None, {"v": 1}, "[" * 100_000, "noise"], ids=["number", "null", "object", "nested", "noise"]
)
async def test_what_is_no_job_costs_its_own_message_alone(queue: MemoryQueue, body: Any) -> None:
    """A message that is not a job is acknowledged on both queues, and so are the jobs beside it."""
    dead = [Message(body), Message(REFINE)]

    verdicts = await consume(Handled(decode), queue, Message(body, MAX_STUMBLES), Message(REFINE))
    await BatchConsumer(Handled(), CloudflareJobQueue(queue), D1MiningStore(None)).consume_dead(dead)

    assert verdicts == ["ack", "ack"]
    assert [message.verdict for message in dead] == ["ack", "ack"]


async def test_a_dead_letter_waits_for_the_ledger(queue: MemoryQueue) -> None:
    """A dead letter is not acknowledged before it is in the ledger."""
    message = Message(SEGMENT)
    consumer = BatchConsumer(Handled(raise_(Unavailable("away"))), CloudflareJobQueue(queue), D1MiningStore(None))

    await consumer.consume_dead([message])

    assert (message.verdict, message.delay_seconds) == ("retry", MAX_BACK_OFF_SECONDS)


async def test_a_dead_letter_that_fails_holds_no_other_up(
    queue: MemoryQueue, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected error delays only its own message. The log has the error's class, never its text."""

    def act(job: str) -> None:
        if '"d/7/1-5"' in job:
            raise RuntimeError("jane@acme.com")

    broken, other = Message(SEGMENT), Message(SEGMENT.replace("1-5", "6-9"))
    consumer = BatchConsumer(Handled(act), CloudflareJobQueue(queue), D1MiningStore(None))

    await consumer.consume_dead([broken, other])

    assert (broken.verdict, other.verdict) == ("retry", "ack")
    assert "jane@acme.com" not in capsys.readouterr().out


def test_back_off_doubles_up_to_its_bound() -> None:
    """The first wait is one second, each wait doubles, and none exceeds the maximum."""
    waits = [back_off_seconds(attempts) for attempts in range(1, 101)]

    assert waits[:4] == [1, 2, 4, 8]
    assert max(waits) == MAX_BACK_OFF_SECONDS
    assert waits == sorted(waits)


def test_the_unsuspicious_come_first_and_equals_by_chance() -> None:
    """A job that kills its processor comes last because of its attempts. Others come in random order."""
    messages: list[Any] = [Message("killer", 3), *(Message(str(number), 1) for number in range(5))]

    orders = {tuple(message.body for message in in_turn(messages)) for _ in range(60)}

    assert {order[-1] for order in orders} == {"killer"}
    assert len({order[0] for order in orders}) > 1
