"""The temporary tables in PostgreSQL: named statements over a pool of connections."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from processor.ports import Conflict, LimitExceeded, Row, Statement, Unavailable
from processor.statements import load_statements

STATEMENTS = load_statements(Path(__file__).with_name("mining.sql"))
_CONFLICTS = (errors.IntegrityError, errors.SerializationFailure, errors.DeadlockDetected)

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]


class PostgresMiningStore:
    """`MiningStore` on a pool whose connections are in autocommit mode."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def query(self, statement: str, /, **arguments: Any) -> list[Row]:
        """Run one statement by itself and return its rows."""
        try:
            async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                await cursor.execute(STATEMENTS[statement].encode(), arguments)
                return list(await cursor.fetchall()) if cursor.description else []
        except (psycopg.Error, PoolTimeout, OSError) as error:
            raise translate(error) from error

    async def batch(self, statements: Sequence[Statement]) -> None:
        """Run all statements in one transaction, sent in one go; raise Conflict where a guard does not hold."""
        try:
            async with self._pool.connection() as connection, connection.transaction(), connection.pipeline():
                for statement in statements:
                    await connection.execute(STATEMENTS[statement.name].encode(), statement.arguments)
        except (psycopg.Error, PoolTimeout, OSError) as error:
            raise translate(error) from error


def translate(error: Exception) -> Exception:
    """Return the port's error for one of PostgreSQL's; what is our own mistake stays as it is."""
    if isinstance(error, _CONFLICTS):
        return Conflict("a guard did not hold")
    if isinstance(error, (errors.ProgramLimitExceeded, errors.StringDataRightTruncation)):
        return LimitExceeded("a value is larger than the database takes")
    if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)):
        return Unavailable("the database does not answer")
    return error
