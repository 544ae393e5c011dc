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
from schemas.migrations import MINING_POSTGRES
from tests.contract.mining_store import begin, key
from tests.contract.mining_store import count as count_segment
from tests.contract.test_processor_ports import open_pool

BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
PATIENCE_SECONDS = 10.0


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


async def is_blocked(connection: psycopg.AsyncConnection[Any]) -> None:
    """Wait until another connection waits for a lock."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            blocked = await (await connection.execute(BLOCKED)).fetchone()
            if blocked and blocked[0]:
                return
            await asyncio.sleep(0.005)


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
