"""The pool gives out only connections that work, and does not ask the server about each of them."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from processor.adapters.container.pool import Pool, open_pool


@pytest.fixture
async def pool(database: str) -> AsyncIterator[Pool]:
    """Yield a pool with its first connection open."""
    async with open_pool(database) as opened:
        await opened.wait()
        yield opened


async def ask(pool: Pool) -> int:
    """Return the server's process behind one of the pool's connections."""
    async with pool.connection() as connection:
        return connection.info.backend_pid if await connection.execute("SELECT 1") else 0


async def test_a_connection_that_the_server_ended_is_replaced(database: str, pool: Pool) -> None:
    """A connection that broke while nobody used it is never given out, not even right afterwards."""
    before = await ask(pool)
    async with await psycopg.AsyncConnection.connect(database, autocommit=True) as other:
        await other.execute("SELECT pg_terminate_backend(%s, 5000)", [before])

    after = await ask(pool)

    assert after not in (before, 0)


async def test_a_connection_that_works_is_not_asked_about(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection of which nothing was heard is given out without a round trip to the server."""

    async def check(connection: object) -> None:
        pytest.fail("the server was asked")

    monkeypatch.setattr(AsyncConnectionPool, "check_connection", check)

    first, second = await ask(pool), await ask(pool)

    assert first == second != 0
