"""The PostgreSQL contact store calls only known functions and survives lost connections."""

from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from processor.adapters.container.contacts import PostgresContactStore
from processor.ports import Unavailable
from tests.support.permanent import Permanent, open_permanent


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("version", {}),
        ("erase_user", {}),
        ("erase_user", {"user_id": "ann", "address": "x"}),
        ("erase_user; DROP SCHEMA leadminer", {"user_id": "ann"}),
        ("erase_user", {"user_id => 'ann'); --": "x"}),
        ("hash_address", {"user_id": "ann", "address": "x"}),
    ],
)
async def test_only_the_agreed_functions_are_called(permanent: Permanent, function: str, arguments: Any) -> None:
    """Unknown functions and missing or extra arguments are refused before anything is sent."""
    with pytest.raises(TypeError):
        await permanent.store.call(function, **arguments)


async def test_a_dead_server_is_unavailable() -> None:
    """If no connection is possible, the store raises the port's error."""
    pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
        "host=/nowhere", min_size=1, timeout=0.2, open=False
    )
    async with pool:
        with pytest.raises(Unavailable):
            await PostgresContactStore(pool).call("schema_version")


async def test_a_lost_connection_is_unavailable_and_then_replaced(permanent: Permanent) -> None:
    """After the server ends a connection, the next calls get a new one."""
    async with open_permanent(permanent.conninfo, connections=1) as cut_off:
        await cut_off.call("schema_version")
        async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )

        with pytest.raises(Unavailable):
            await cut_off.call("schema_version")

        assert await cut_off.call("schema_version")
