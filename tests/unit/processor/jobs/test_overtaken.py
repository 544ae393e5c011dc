"""A job that read its mining, and was overtaken by others before it wrote, neither harms nor holds up the mining."""

from collections.abc import Awaitable, Callable

import pytest

from processor.api.records import Records
from processor.jobs.pipeline import MAX_CRASHES, Pipeline
from processor.jobs.tools import Ports
from processor.minings.mining import Mining
from schemas.ledger import Dead
from tests.support.stack import Stack
from tests.unit.processor.jobs.test_failing import LISTED, MAILBOX, refining


class Overtaking:
    """The permanent side. Just before or after it runs a function for the first time, something else happens."""

    def __init__(
        self, stack: Stack, function: str, happens: Callable[[], Awaitable[object]], *, after: bool = False
    ) -> None:
        self._contacts = stack.ports.contacts
        self._function = function
        self._happens = happens
        self._after = after
        self.has_happened = False

    async def call(self, function: str, **arguments: object) -> object:
        """Run a function."""
        is_time = function == self._function and not self.has_happened
        self.has_happened = self.has_happened or is_time
        if is_time and not self._after:
            await self._happens()
        answer = await self._contacts.call(function, **arguments)
        if is_time and self._after:
            await self._happens()
        return answer


def overtaken(stack: Stack, function: str, happens: Callable[[], Awaitable[object]]) -> tuple[Pipeline, Overtaking]:
    """Return a processor's pipeline that is overtaken when it first calls this function of the permanent side."""
    ports = stack.ports
    contacts = Overtaking(stack, function, happens)
    changed = Ports(ports.raw, ports.minings, contacts, ports.queue, ports.alert, ports.compute)
    return Pipeline(changed, still_seconds=0), contacts


@pytest.mark.parametrize("function", ["mining_record", "apply_refined_chunk"])
async def test_a_refine_job_that_outlives_its_mining_takes_no_key_away(stack: Stack, function: str) -> None:
    """If another processor refines and finishes the mining meanwhile, what it counted stays counted."""
    begun, [job] = await refining(stack)

    async def finish() -> None:
        await stack.work(job)
        await stack.drain()

    late, contacts = overtaken(stack, function, finish)

    await late.handle(job)

    assert contacts.has_happened
    assert (await stack.report(begun))["state"] == "finished"
    assert await stack.rows("messages") == LISTED


async def test_a_mining_resent_while_its_last_chunk_is_applied_ends_at_once(stack: Stack) -> None:
    """Its teardown belongs to the new round, so that it is not taken for a job of the earlier one."""
    begun, [job] = await refining(stack)

    async def resend() -> None:
        await stack.pipeline.resending.resend(await stack.ports.minings.find(begun.id))

    late, contacts = overtaken(stack, "apply_refined_chunk", resend)

    await late.handle(job)
    await stack.drain()

    assert contacts.has_happened
    assert (await stack.report(begun))["state"] == "finished"


async def test_a_mining_resent_while_it_is_given_up_ends_at_once(stack: Stack) -> None:
    """The teardown of a failed mining belongs to the new round, too."""
    begun, _ = await refining(stack)
    read_before = await stack.ports.minings.find(begun.id)
    await stack.pipeline.resending.resend(read_before)

    await stack.pipeline.fail(read_before, reason=Dead.CRASHES)
    await stack.drain()

    assert (await stack.report(begun))["state"] == "failed"


async def test_a_segment_that_comes_after_the_end_of_fetching_is_passed_over(stack: Stack) -> None:
    """A fetcher that was taken for gone can still send a segment. It holds up nothing, and the next mining reads it."""
    begun = await stack.begin()
    first, late = stack.store(begun, MAILBOX)
    (path,) = stack.root.rglob(late.segment.rpartition("/")[2])
    stored = path.read_bytes()
    path.unlink()
    await stack.fetched(begun)
    path.write_bytes(stored)

    await stack.pipeline.handle(late.encode())
    await stack.work(first.encode())
    await stack.drain()

    report = await stack.report(begun)
    assert (report["state"], report["ledger"]["processed"], report["receipt"]["objects"]) == ("finished", 4, 3)


async def test_segments_are_retried_in_the_round_that_counts(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a mining's jobs are sent again just before its dead segments are revived, the revived ones are not void."""
    begun = await stack.begin()
    jobs = stack.store(begun, MAILBOX)
    await stack.work(jobs[0].encode(), deliveries=MAX_CRASHES)
    await stack.fetched(begun)
    revive = stack.ports.minings.revive

    async def late_revive(mining: Mining) -> list[tuple[str, int]]:
        await stack.pipeline.resending.resend(mining)
        return await revive(mining)

    monkeypatch.setattr(stack.ports.minings, "revive", late_revive)

    answer = await stack.ask("POST", f"/users/jo/minings/{begun.id}/retry")
    await stack.drain()

    assert answer.body == {"retried": 1}
    assert (await stack.report(begun))["ledger"]["processed"] == LISTED


async def test_a_mining_that_begins_during_an_erasure_is_erased_on_both_sides(stack: Stack) -> None:
    """No mining is left open that has no rows, or its fetcher would wait for it for ever."""
    await stack.mine(MAILBOX)
    begun = []

    async def begin() -> None:
        begun.append(await stack.begin(source="other@example.org@imap.example.org:993"))

    ports = stack.ports
    contacts = Overtaking(stack, "erase_user", begin, after=True)
    changed = Ports(ports.raw, ports.minings, contacts, ports.queue, ports.alert, ports.compute)

    receipt = await Records(changed, stack.pipeline).erase("jo", {})

    status = await stack.ask("GET", f"/users/jo/minings/{begun[0].id}")
    assert (receipt["contacts"], receipt["minings"]) == (LISTED - 1, 2)
    assert status.body["state"] == "erased"
