"""The in-memory fakes are as strict as Cloudflare: they enforce each published limit to the byte."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.limits import (
    D1_PARAMETERS,
    D1_QUERIES,
    D1_ROW_BYTES,
    D1_STATEMENT_BYTES,
    QUEUE_BATCH_BYTES,
    QUEUE_BATCH_MESSAGES,
    QUEUE_DELAY_SECONDS,
    QUEUE_MESSAGE_BYTES,
    R2_KEY_BYTES,
)
from tests.support.cloudflare.refusals import METADATA_BYTES
from tests.support.cloudflare_bindings import (
    MAX_KEYS,
    MemoryBucket,
    MemoryQueue,
    Message,
    RuntimeFault,
)
from tests.support.sqlite_d1 import D1Error, SqliteD1

ROW_OVERHEAD = 20
"""More than SQLite's own overhead for a row of two columns, in bytes."""


@pytest.fixture
def database() -> SqliteD1:
    """Return a database with a table of two columns."""
    database = SqliteD1()
    database.connection.execute("CREATE TABLE t (a, b)")
    return database


async def parameters(database: SqliteD1, count: int) -> None:
    places = ", ".join(f"?{number}" for number in range(1, count + 1))
    await database.prepare(f"SELECT {places}").bind(*range(count)).all()


async def statement(database: SqliteD1, size: int) -> None:
    text = "SELECT 1 -- "
    await database.prepare(text + "x" * (size - len(text))).all()


async def value(database: SqliteD1, size: int) -> None:
    await database.prepare("SELECT length(?1)").bind("x" * size).all()


async def row(database: SqliteD1, size: int) -> None:
    half = (size - ROW_OVERHEAD) // 2 if size <= D1_ROW_BYTES else size // 2 + 1
    await database.prepare("INSERT INTO t VALUES (?1, ?2)").bind("x" * half, "x" * half).all()


async def queries(database: SqliteD1, count: int) -> None:
    database.begin_invocation()
    await database.batch([database.prepare("SELECT 1")] * (count - 1))
    await database.prepare("SELECT 1").all()


@pytest.mark.parametrize(
    ("ask", "limit", "text"),
    [
        (parameters, D1_PARAMETERS, "variable number"),
        (statement, D1_STATEMENT_BYTES, "too long|TOOBIG"),
        (value, D1_ROW_BYTES, "TOOBIG"),
        (row, D1_ROW_BYTES, "TOOBIG"),
        (queries, D1_QUERIES, "Too many"),
    ],
    ids=["parameters", "statement", "value", "row", "queries"],
)
async def test_d1_takes_its_limit_and_no_more(
    database: SqliteD1, ask: Callable[[SqliteD1, int], Awaitable[None]], limit: int, text: str
) -> None:
    """A request at a limit succeeds, and one over it raises D1's error."""
    await ask(database, limit)

    with pytest.raises(D1Error, match=text):
        await ask(database, limit + 1)


async def test_d1_takes_no_more_than_its_size(database: SqliteD1) -> None:
    """A write to a full database fails as a whole; once rows are deleted, their space takes new ones."""
    size = 400_000
    database.set_max_bytes(size)
    insert = database.prepare("INSERT INTO t VALUES (?1, 1)").bind("x" * 100_000)
    for _ in range(3):
        answer = await insert.all()

    with pytest.raises(D1Error, match="Exceeded maximum DB size"):
        await database.batch([database.prepare("DELETE FROM t WHERE b = 2"), insert])
    [full] = (await database.prepare("SELECT count(*) AS n FROM t").all())["results"]
    await database.prepare("DELETE FROM t WHERE rowid = 1").all()
    again = await insert.all()

    assert full == {"n": 3}
    assert size - 110_000 < answer["meta"]["size_after"] <= again["meta"]["size_after"] <= size


async def test_d1_returns_no_more_than_its_result() -> None:
    """Rows of the largest result come, and a byte more is refused."""
    database = SqliteD1(max_result_bytes=1_000)

    await database.prepare("SELECT ?1 AS a, ?2 AS b").bind("x" * 999, "y").all()

    with pytest.raises(D1Error, match="larger than D1 returns"):
        await database.prepare("SELECT ?1 AS a, ?2 AS b").bind("x" * 999, "yy").all()


async def test_d1_works_no_longer_than_its_time() -> None:
    """A statement that takes too long is broken off, and so is a batch that does as a whole; nothing is written."""
    database = SqliteD1(max_seconds=0.05)
    database.connection.execute("CREATE TABLE t (n)")
    endless = database.prepare("WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c) SELECT max(n) FROM c")

    with pytest.raises(D1Error, match="exceeded timeout"):
        await endless.all()
    with pytest.raises(D1Error, match="exceeded timeout"):
        await database.batch([database.prepare("INSERT INTO t VALUES (1)"), endless])

    assert (await database.prepare("SELECT count(*) AS n FROM t").all())["results"] == [{"n": 0}]


async def test_a_queue_delays_no_longer_than_a_day() -> None:
    """A message can be sent or retried with a delay of a day, and not of a second more."""
    queue, most = MemoryQueue(), {"contentType": "text", "delaySeconds": QUEUE_DELAY_SECONDS}
    await queue.send("x", most)
    Message("x").retry(delaySeconds=QUEUE_DELAY_SECONDS)

    with pytest.raises(RuntimeFault):
        await queue.send("x", most | {"delaySeconds": QUEUE_DELAY_SECONDS + 1})
    with pytest.raises(RuntimeFault):
        Message("x").retry(delaySeconds=QUEUE_DELAY_SECONDS + 1)

    assert len(queue.messages) == 1


def messages(count: int, size: int) -> list[dict[str, Any]]:
    return [{"body": "x" * size, "contentType": "text"}] * count


@pytest.mark.parametrize(
    ("most", "more"),
    [
        (messages(QUEUE_BATCH_MESSAGES, 1), messages(QUEUE_BATCH_MESSAGES + 1, 1)),
        (
            messages(1, QUEUE_MESSAGE_BYTES - METADATA_BYTES),
            messages(1, QUEUE_MESSAGE_BYTES - METADATA_BYTES + 1),
        ),
        (
            messages(4, QUEUE_BATCH_BYTES // 4 - METADATA_BYTES),
            messages(4, QUEUE_BATCH_BYTES // 4 - METADATA_BYTES + 1),
        ),
    ],
    ids=["messages", "bytes of a message", "bytes of a batch"],
)
async def test_a_queue_takes_its_limit_and_no_more(most: list[dict[str, Any]], more: list[dict[str, Any]]) -> None:
    """A batch over a limit is refused as a whole."""
    queue = MemoryQueue()
    await queue.sendBatch(most)

    with pytest.raises(RuntimeFault):
        await queue.sendBatch(more)

    assert len(queue.messages) == len(most)


async def test_a_bucket_takes_its_limits_and_no_more(tmp_path: Path) -> None:
    """Longer keys and larger deletions are refused."""
    bucket = MemoryBucket(tmp_path)
    key = "k/" * (R2_KEY_BYTES // 2)
    await bucket.delete(["a"] * MAX_KEYS)
    await bucket.list({"prefix": key})

    with pytest.raises(RuntimeFault):
        await bucket.delete(["a"] * (MAX_KEYS + 1))
    with pytest.raises(RuntimeFault):
        await bucket.list({"prefix": key + "k"})
