"""Every mining ends: one that cannot go on ends as failed, keeps nothing, and leaves its source to the next one."""

import pytest

from processor.jobs.pipeline import MAX_CRASHES, MAX_FAILURES
from processor.ports import Conflict, LimitExceeded, Unavailable
from schemas.jobs import Job, JobKind
from schemas.ledger import Dead, Skipped
from tests.support.stack import Begun, Folder, Stack, mail

MAILBOX = Folder([[mail(n, sender=f"p{n}@firm.com") for n in range(4)], [mail(n) for n in range(4, 6)]])
LISTED = 6


class Refusing:
    """The permanent side, of which some functions fail."""

    def __init__(self, stack: Stack, error: Exception, *functions: str) -> None:
        self._contacts = stack.ports.contacts
        self._error = error
        self._functions = functions
        self.refused = 0

    async def call(self, function: str, **arguments: object) -> object:
        """Run a function, or fail."""
        if function in self._functions:
            self.refused += 1
            raise self._error
        return await self._contacts.call(function, **arguments)


def refuse(stack: Stack, error: Exception, *functions: str) -> Refusing:
    """Let the permanent side refuse these functions from now on."""
    refusing = Refusing(stack, error, *functions)
    pipeline = stack.pipeline
    for part in (pipeline, pipeline._refiner, pipeline._ending):
        part._contacts = refusing
    return refusing


async def refining(stack: Stack) -> tuple[Begun, list[str]]:
    """Bring a mining to refining, and return it with the texts of its refine jobs."""
    begun = await stack.begin()
    jobs = stack.store(begun, MAILBOX)
    await stack.fetched(begun)
    for job in jobs:
        await stack.work(job.encode())
    texts = []
    while (delivery := await stack.queue.receive(wait_seconds=0.001)) is not None:
        await stack.queue.settle(delivery)
        texts.append(delivery.job)
    return begun, texts


async def fail_often(stack: Stack, job: str, times: int) -> None:
    """Run a job that fails, as a queue that delivers it again and again."""
    for _ in range(times):
        stack.begin_invocation()
        with pytest.raises((RuntimeError, LimitExceeded, Conflict)):
            await stack.pipeline.handle(job)


async def left(stack: Stack) -> dict[str, int]:
    """Return the rows that a failed mining must not leave."""
    tables = ("minings", "segments", "points", "persons", "chunks", "messages", "watermarks")
    return {table: rows for table in tables if (rows := await stack.rows(table))}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RuntimeError("jane@acme.com"), Dead.ERROR),
        (LimitExceeded("too large"), Dead.LIMIT),
        (Conflict("refused"), Dead.ERROR),
    ],
    ids=["error", "limit", "conflict"],
)
async def test_what_can_never_be_refined_ends_as_failed(
    stack: Stack, error: Exception, reason: Dead, capfd: pytest.CaptureFixture[str]
) -> None:
    """After its failures the mining keeps no key, row or object, its ledger has the reason, and the log one alert."""
    begun, [job, *_] = await refining(stack)
    refuse(stack, error, "apply_refined_chunk")

    await fail_often(stack, job, MAX_FAILURES - 1)
    before = (await stack.report(begun))["state"]
    await stack.work(job)
    await stack.drain()

    report = await stack.report(begun)
    logged = [line for line in "".join(capfd.readouterr()).splitlines() if "mining failed" in line]
    assert (before, report["state"], report["balanced"]) == ("refining", "failed", True)
    assert report["ledger"]["dead"] == {reason: LISTED}
    assert report["receipt"]["objects"] == 3
    assert await left(stack) == {}
    assert not [path for path in stack.root.rglob("*") if path.is_file()]
    assert len(logged) == 1
    assert "jane@acme.com" not in logged[0]
    assert begun.id in logged[0]


async def test_the_next_mining_reads_what_a_failed_one_read(stack: Stack) -> None:
    """The source is free at once, no watermark covers it, and every message counts."""
    whole = await stack.mine(MAILBOX, user="whole")
    _, [job, *_] = await refining(stack)
    refuse(stack, RuntimeError(), "apply_refined_chunk")
    await fail_often(stack, job, MAX_FAILURES - 1)
    await stack.work(job)
    await stack.drain()
    refuse(stack, RuntimeError())

    again = await stack.mine(MAILBOX)

    assert again.answer["watermarks"] == {}
    assert (await stack.report(again))["ledger"] == (await stack.report(whole))["ledger"]
    assert await stack.contacts() == await stack.contacts("whole")


async def test_a_refine_job_that_kills_its_processor_ends_the_mining(stack: Stack) -> None:
    """After too many deliveries without a verdict the mining ends as failed, with the reason `crashes`."""
    begun, [job, *_] = await refining(stack)

    await stack.work(job, deliveries=MAX_CRASHES)
    await stack.drain()

    report = await stack.report(begun)
    assert (report["state"], report["ledger"]["dead"]) == ("failed", {Dead.CRASHES: LISTED})


@pytest.mark.parametrize("function", ["finish_mining", "fail_mining"])
async def test_a_teardown_that_always_fails_frees_the_source(stack: Stack, function: str) -> None:
    """The permanent side may refuse even the end of a mining: its source is free all the same."""
    begun, jobs = await refining(stack)
    if function == "fail_mining":
        await stack.ask("POST", f"/users/jo/minings/{begun.id}/cancel", {"discard": True})
    refuse(stack, RuntimeError(), "finish_mining", function)
    for job in jobs:
        await stack.work(job)
    job = Job(JobKind.TEARDOWN, begun.id).encode()

    await fail_often(stack, job, MAX_FAILURES - 1)
    await stack.work(job)
    refuse(stack, RuntimeError())
    again = await stack.begin()

    assert again.id != begun.id
    kept = await stack.rows("messages")
    assert kept == (LISTED if function == "finish_mining" else 0)


async def test_an_outage_ends_no_mining(stack: Stack) -> None:
    """A permanent side that does not answer is waited for, without computing or counting failures."""
    begun, [job, *_] = await refining(stack)
    refusing = refuse(stack, Unavailable("away"), "mining_record")

    for _ in range(2 * MAX_FAILURES):
        stack.begin_invocation()
        with pytest.raises(Unavailable):
            await stack.pipeline.handle(job)
    refuse(stack, RuntimeError())
    await stack.work(job)
    await stack.drain()

    assert refusing.refused == 2 * MAX_FAILURES
    assert (await stack.report(begun))["state"] == "finished"


@pytest.mark.parametrize("state", ["fetching", "processing", "refining"])
async def test_a_mining_can_be_discarded_in_any_state(stack: Stack, state: str) -> None:
    """It ends as failed with a ledger that balances, nothing of it counts, and its late jobs do nothing."""
    begun = await stack.begin()
    jobs = stack.store(begun, MAILBOX)
    await stack.work(jobs[0].encode())
    if state != "fetching":
        await stack.fetched(begun)
    if state == "refining":
        await stack.work(jobs[1].encode())
    before = (await stack.report(begun))["state"]

    answer = await stack.ask("POST", f"/users/jo/minings/{begun.id}/cancel", {"discard": True})
    for job in jobs:
        await stack.work(job.encode(), deliveries=2)
    await stack.drain()

    report = await stack.report(begun)
    ledger = report["ledger"]
    assert (answer.status, before) == (200, state)
    assert (report["state"], report["balanced"], ledger["listed"]) == ("failed", True, LISTED)
    assert ledger["processed"] == ledger["duplicate"] == 0
    assert (ledger["skipped"], ledger["dead"]) == (
        ({Skipped.CANCELLED: 2}, {Dead.CANCELLED: 4}) if state == "fetching" else ({}, {Dead.CANCELLED: LISTED})
    )
    assert await left(stack) == {}
    assert await stack.contacts() == []


async def test_discarding_asks_for_a_flag(stack: Stack) -> None:
    """What is no boolean is refused, and cancelling without the flag discards nothing."""
    begun, _ = await refining(stack)

    wrong = await stack.ask("POST", f"/users/jo/minings/{begun.id}/cancel", {"discard": "yes"})
    plain = await stack.ask("POST", f"/users/jo/minings/{begun.id}/cancel")

    assert (wrong.status, plain.body["state"]) == (400, "refining")
