"""The temporary tables in PostgreSQL: named statements over a pool of connections."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from processor.adapters.container.pool import ERRORS, Pool, translate
from processor.minings.statements import load_statements
from processor.ports import Row, Statement

STATEMENTS = load_statements(Path(__file__).with_name("mining.sql"))


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
        except ERRORS as error:
            raise translate(error) from error

    async def batch(self, statements: Sequence[Statement]) -> None:
        """Run all statements in one transaction and one round trip; raise Conflict if a guard does not hold."""
        try:
            async with self._pool.connection() as connection, connection.transaction(), connection.pipeline():
                for statement in statements:
                    await connection.execute(STATEMENTS[statement.name].encode(), statement.arguments)
        except ERRORS as error:
            raise translate(error) from error
