"""Transactions that overlap on two real connections end as if one had come after the other."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from processor.adapters.container.migrate import migrate
from processor.adapters.container.postgres import STATEMENTS, PostgresMiningStore
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import Conflict
from schemas.migrations import MINING_POSTGRES
from tests.contract.mining_store import begin, key, refine
from tests.contract.mining_store import count as count_segment
from tests.contract.test_processor_ports import open_pool

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
PATIENCE_SECONDS = 10.0
PAUSE = 4711
"""The key of an advisory lock. While a test holds it, transactions wait in the middle."""


@pytest.fixture
async def minings(database: str) -> AsyncIterator[Minings]:
    """Yield the temporary tables, empty."""
    await migrate(database, MINING_POSTGRES)
    async with open_pool(database) as pool:
        yield Minings(PostgresMiningStore(pool))


async def one_dead_one_waiting(minings: Minings) -> Mining:
    """Return a mining in processing that has a dead segment, and one that waits for its verdict."""
    mining = await begin(minings)
    await minings.fail_segment(mining, name="dead", reason="error", messages=1, max_tries=1)
    await minings.end_fetching(
        mining, lease=mining.lease, listed=2, folders_failed={}, skipped={}, failed={}, segments=["dead", "last"]
    )
    return await minings.find(mining.id)


async def is_blocked(connection: psycopg.AsyncConnection[Any], task: asyncio.Future[Any] | None = None) -> None:
    """Wait until another connection waits for a lock, or the task has ended without."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while task is None or not task.done():
            blocked = await (await connection.execute(BLOCKED)).fetchone()
            if blocked and blocked[0]:
                return
            await asyncio.sleep(0.005)


def pause_after(statement: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each run of a named statement wait for the advisory lock PAUSE after its first part."""
    first, *rest = STATEMENTS[statement]
    monkeypatch.setitem(STATEMENTS, statement, [first, f"SELECT pg_advisory_xact_lock({PAUSE})", *rest])


async def execute(connection: psycopg.AsyncConnection[Any], statement: str, mining: Mining) -> None:
    """Run a named statement on a connection."""
    for text in STATEMENTS[statement]:
        await connection.execute(text.encode(), {"mining_no": mining.number})


async def test_a_retry_under_way_holds_refining_back(minings: Minings, database: str) -> None:
    """If a segment is revived while the last verdict moves the mining on, the mining waits for that segment."""
    mining = await one_dead_one_waiting(minings)
    await count_segment(minings, mining, "last", [key(1)])

    async with (
        await psycopg.AsyncConnection.connect(database) as retrying,
        await psycopg.AsyncConnection.connect(database, autocommit=True) as watching,
    ):
        await execute(retrying, "revive", mining)
        moving = asyncio.create_task(minings.start_refining(mining))
        await is_blocked(watching)
        await retrying.commit()
        moved = await moving

    assert not moved
    assert (await minings.find(mining.id)).state == "processing"
    assert await minings.waiting(mining) == ["dead"]


async def test_a_retry_after_the_last_verdict_comes_too_late(minings: Minings, database: str) -> None:
    """If the mining moves on to refining while a retry waits for its row, no segment is revived."""
    mining = await one_dead_one_waiting(minings)
    await count_segment(minings, mining, "last", [key(1)])

    async with (
        await psycopg.AsyncConnection.connect(database) as moving,
        await psycopg.AsyncConnection.connect(database, autocommit=True) as watching,
    ):
        await execute(moving, "start_refining", mining)
        retrying = asyncio.create_task(minings.revive(mining))
        await is_blocked(watching)
        await moving.commit()
        revived = await retrying

    assert revived == []
    assert (await minings.find(mining.id)).state == "refining"
    assert await minings.waiting(mining) == []


async def test_a_retry_between_two_looks_holds_refining_back(
    minings: Minings, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the last verdict and a retry come while another verdict looks whether all is settled, the mining waits."""
    mining = await one_dead_one_waiting(minings)
    pause_after("start_refining", monkeypatch)

    async with (
        await psycopg.AsyncConnection.connect(database) as retrying,
        await psycopg.AsyncConnection.connect(database, autocommit=True) as watching,
    ):
        await watching.execute(f"SELECT pg_advisory_lock({PAUSE})")
        moving = asyncio.create_task(minings.start_refining(mining))
        await is_blocked(watching, moving)
        await count_segment(minings, mining, "last", [key(1)])
        await execute(retrying, "revive", mining)
        await watching.execute(f"SELECT pg_advisory_unlock({PAUSE})")
        await is_blocked(watching, moving)
        await retrying.commit()
        moved = await moving

    assert not moved
    assert (await minings.find(mining.id)).state == "processing"
    assert await minings.waiting(mining) == ["dead"]


@pytest.mark.parametrize("points", [{}, {0: ["[]"]}], ids=["no-points", "points"])
@pytest.mark.parametrize("other", ["done", "dead"])
async def test_of_two_verdicts_at_once_the_first_stays_and_the_other_writes_nothing(
    minings: Minings, database: str, monkeypatch: pytest.MonkeyPatch, other: str, points: dict[int, list[str]]
) -> None:
    """If a segment is delivered twice at the same time, its messages are counted or dead, never both."""
    mining = await begin(minings)

    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as watching:
        with monkeypatch.context() as patched:
            pause_after("guard_segment", patched)
            await watching.execute(f"SELECT pg_advisory_lock({PAUSE})")
            late = asyncio.create_task(count_segment(minings, mining, "a", [key(1)], points))
            await is_blocked(watching, late)
        if other == "done":
            await count_segment(minings, mining, "a", [key(1)], points)
        else:
            await minings.fail_segment(mining, name="a", reason="error", messages=1, max_tries=1)
        await watching.execute(f"SELECT pg_advisory_unlock({PAUSE})")
        with pytest.raises(Conflict):
            await late
        keys = await (await watching.execute("SELECT count(*) FROM messages")).fetchone()

    assert await minings.settled(mining) == {"a"}
    assert (await minings.temporary_rows(mining))["points"] == (len(points) if other == "done" else 0)
    assert keys == ((1,) if other == "done" else (0,))


@pytest.mark.parametrize("state", ["fetching", "refining"])
async def test_a_late_job_writes_nothing_into_a_mining_that_is_being_erased(
    minings: Minings, database: str, state: str
) -> None:
    """A verdict on a segment or a chunk waits for the erasure and then finds no mining, so that no row is left."""
    mining = await begin(minings)
    if state == "refining":
        mining = await refine(minings, mining)

    async with (
        await psycopg.AsyncConnection.connect(database) as erasing,
        await psycopg.AsyncConnection.connect(database, autocommit=True) as watching,
    ):
        for statement in ("close_for_erasure", "delete_chunks", "delete_segments", "delete_mining"):
            await execute(erasing, statement, mining)
        late = asyncio.ensure_future(
            minings.finish_chunk(mining, 0, {"contact": 1})
            if state == "refining"
            else minings.fail_segment(mining, name="a", reason="error", messages=1, max_tries=1)
        )
        await is_blocked(watching, late)
        await erasing.commit()
        await late
        rows = await minings.temporary_rows(mining)

    assert rows == {"segments": 0, "points": 0, "persons": 0, "chunks": 0}
