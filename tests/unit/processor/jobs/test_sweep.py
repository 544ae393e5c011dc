"""The sweep moves stalled minings on, leaves others alone, and is not stopped by a broken one."""

import pytest

from processor.jobs.pipeline import Pipeline
from processor.jobs.sweep import Sweeper
from schemas.ledger import Skipped
from tests.support.stack import Begun, Folder, Stack, mail

MAILBOX = Folder([[mail(n, sender=f"p{n}@firm.com") for n in range(4)], [mail(n) for n in range(4, 6)]])


async def grow_silent(stack: Stack, begun: Begun, interval: str) -> None:
    """Make the mining's fetcher look silent for this long."""
    async with stack.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute(
            "UPDATE minings SET heard_at = now() - %s::interval WHERE mining_id = %s", (interval, begun.id)
        )


async def test_a_mining_whose_fetcher_is_silent_for_a_day_is_ended(stack: Stack) -> None:
    """Stored messages count, the others are skipped with the reason `silent`, and the ledger balances."""
    begun = await stack.begin()
    jobs = stack.store(begun, MAILBOX)
    (stack.root / f"{begun.id}/{jobs[1].segment}").unlink()
    await grow_silent(stack, begun, "25 hours")

    await stack.sweeper.sweep()
    await stack.sweeper.sweep()
    await stack.drain()

    report = await stack.report(begun)
    assert report["state"] == "finished"
    assert report["balanced"]
    assert report["ledger"]["skipped"] == {Skipped.SILENT: 2}


async def test_a_mining_whose_fetcher_pauses_is_left_alone(stack: Stack) -> None:
    """An hour of silence, for example from a sleeping laptop, does not end a mining."""
    begun = await stack.begin()
    stack.store(begun, MAILBOX)
    await grow_silent(stack, begun, "1 hour")

    await stack.sweeper.sweep()

    assert (await stack.report(begun))["state"] == "fetching"


async def test_what_moves_is_not_sent_again(stack: Stack) -> None:
    """A mining with recent progress gets no jobs again."""
    begun = await stack.begin()
    jobs = stack.store(begun, MAILBOX)
    await stack.fetched(begun)
    await stack.work(jobs[0].encode())

    patient = Pipeline(stack.ports, still_seconds=3600)
    await Sweeper(stack.ports, patient, silent_seconds=86_400).sweep()

    assert await stack.queue.receive(wait_seconds=0.001) is None


async def test_a_broken_mining_stops_no_other(stack: Stack) -> None:
    """The sweep checks all other minings before it raises the error."""
    broken = await stack.begin(user="broken")
    begun = await stack.begin()
    stack.store(begun, MAILBOX)
    await stack.fetched(begun)
    async with stack.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute("UPDATE minings SET settings = 'no JSON' WHERE mining_id = %s", (broken.id,))

    await grow_silent(stack, broken, "25 hours")

    with pytest.raises(ValueError):
        await stack.sweeper.sweep()
    await stack.drain()

    assert (await stack.report(begun))["state"] == "finished"


async def test_sweeping_a_finished_place_changes_nothing(stack: Stack) -> None:
    """Without unfinished minings a sweep does nothing."""
    begun = await stack.mine(MAILBOX)
    before = await stack.report(begun)

    await stack.sweeper.sweep()

    assert await stack.report(begun) == before
    assert await stack.queue.receive(wait_seconds=0.001) is None


async def test_what_is_not_ours_is_left_alone(stack: Stack) -> None:
    """Foreign files and folders in the raw store's folder are kept and hold up no mining."""
    begun = await stack.begin()
    stack.store(begun, MAILBOX)
    await stack.fetched(begun)
    for foreign in ("notes.txt", "photos/summer.jpg", "lost+found/#1"):
        stack.put(foreign, b"of somebody else")

    await stack.sweeper.sweep()
    await stack.drain()

    assert (await stack.report(begun))["state"] == "finished"
    left = {path.relative_to(stack.root).as_posix() for path in stack.root.rglob("*") if path.is_file()}
    assert left == {"notes.txt", "photos/summer.jpg", "lost+found/#1"}
