"""A database that is nearly full takes nothing new, and empties itself as what is under way ends."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest

from processor.adapters.cloudflare.d1 import D1MiningStore, translate
from processor.minings.table import Minings
from processor.ports import Full
from tests.contract.mining_store import begin, count, key, refine
from tests.support.d1_stack import D1Stack, open_d1_stack
from tests.support.sqlite_d1 import SqliteD1
from tests.support.stack import Folder, mail

MAILBOX = Folder([[mail(n, sender=f"p{n}@firm.com") for n in range(4)], [mail(n) for n in range(4, 6)]])
OTHER = "other@imap.example.org:993"


@pytest.fixture
async def stack(database: str, tmp_path: Path) -> AsyncIterator[D1Stack]:
    """Yield a processor's parts on the Worker's adapters, all empty."""
    root = tmp_path / "raw"
    root.mkdir()
    async with open_d1_stack(database, root) as stack:
        yield stack


async def test_nothing_new_begins_and_what_is_fetched_ends(stack: D1Stack) -> None:
    """New minings are refused by name, segments of unfetched ones wait, and a fetched mining finishes."""
    fetched, fetching = await stack.begin(), await stack.begin(source=OTHER)
    jobs, waiting = stack.store(fetched, MAILBOX), stack.store(fetching, MAILBOX)
    await stack.fetched(fetched)
    stack.tables._max_bytes = stack.tables.size_bytes
    asked = {"id": fetched.id, "address": "me@example.org", "chunks": 4, "holder": "test", "source": "third@x:993"}

    refused = await stack.ask("POST", "/users/jo/minings", asked)
    with pytest.raises(Full):
        await stack.pipeline.handle(waiting[0].encode())
    await stack.queue.send(jobs)
    await stack.drain()

    assert (refused.status, refused.body["code"]) == (409, "full")
    assert (await stack.report(fetched))["state"] == "finished"
    assert (await stack.report(fetching))["ledger"]["fetched"] == 0


async def test_a_caller_is_told_that_the_database_is_full(stack: D1Stack) -> None:
    """A begin that does not fit is answered with its own status and code, not as a database that is away."""
    await stack.begin()
    stack.database.set_max_bytes(stack.tables.size_bytes)
    me = [f"{'x' * 60}{n}@{'y' * 60}.example.org" for n in range(200)]
    asked = {"id": str(uuid4()), "address": "me@example.org", "chunks": 4, "holder": "test", "source": OTHER, "me": me}

    answer = await stack.ask("POST", "/users/jo/minings", asked)

    assert (answer.status, answer.body["code"]) == (507, "full")


async def test_live_bytes_fall_when_rows_go() -> None:
    """What counts is what is in use: once rows are deleted, the tables are no longer crowded."""
    store = D1MiningStore(database := SqliteD1.migrated())
    empty = await size_after_a_mining(store, database, rows=0)
    full = await size_after_a_mining(store, database, rows=16)

    await store.query("delete_points", mining_no=2)
    left = store.size_bytes

    assert full - empty > 16 * 100_000 > 16 * (left - empty)


async def size_after_a_mining(store: D1MiningStore, database: SqliteD1, *, rows: int) -> int:
    """Write a mining with this many large rows, and return the size of the tables."""
    database.begin_invocation()
    minings = Minings(store)
    mining = await begin(minings)
    points = {chunk: ['"' + "x" * 100_000 + '"'] for chunk in range(rows)}
    await count(minings, mining, "a", [key(mining.number)], points)
    await refine(minings, mining, "a")
    return store.size_bytes


@pytest.mark.parametrize(
    "text", ["D1_ERROR: Exceeded maximum DB size", "D1_ERROR: database or disk is full: SQLITE_FULL"]
)
def test_a_full_database_has_its_own_error(text: str) -> None:
    """D1's limit of size is not mistaken for a database that does not answer."""
    assert isinstance(translate(RuntimeError(text)), Full)


async def test_a_full_database_works_again_once_rows_are_gone() -> None:
    """What does not fit is refused as a full database, and written after rows were deleted."""
    database = SqliteD1.migrated()
    store = D1MiningStore(database)
    minings = Minings(store)
    mining = await begin(minings)
    database.set_max_bytes(store.size_bytes + 300_000)
    large = {0: ['"' + "x" * 200_000 + '"']}

    await count(minings, mining, "a", [key(1)], large)
    with pytest.raises(Full):
        await count(minings, mining, "b", [key(2)], large)
    await store.query("delete_points", mining_no=mining.number)
    await count(minings, mining, "b", [key(2)], large)

    assert await minings.is_settled(mining, "b")
