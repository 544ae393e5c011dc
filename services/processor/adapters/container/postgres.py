"""The temporary tables in PostgreSQL: named statements over a pool of connections."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg.rows import dict_row

from processor.adapters.container.pool import ERRORS, Pool, translate
from processor.minings.statements import load_statements
from processor.ports import Row, Statement

STATEMENTS = {
    name: text.split(";\n")
    for file in ("mining.sql", "sweep.sql")
    for name, text in load_statements(Path(__file__).with_name(file)).items()
}
"""The SQL under each name: one statement, or several that run in one transaction, each on a fresh snapshot.

Of several, the next runs only if the one before it found a row."""


class PostgresMiningStore:
    """`MiningStore` on a pool whose connections are in autocommit mode."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @property
    def is_crowded(self) -> bool:
        """Return False: PostgreSQL has no limit but the disk, of which it knows nothing."""
        return False

    async def query(self, statement: str, /, **arguments: Any) -> list[Row]:
        """Run one statement by itself and return its rows."""
        try:
            async with self._pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
                *before, text = STATEMENTS[statement]
                async with connection.transaction() if before else contextlib.nullcontext():
                    for each in before:
                        await cursor.execute(each.encode(), arguments)
                        if not cursor.rowcount:
                            return []
                    await cursor.execute(text.encode(), arguments)
                    return list(await cursor.fetchall()) if cursor.description else []
        except ERRORS as error:
            raise translate(error) from error

    async def batch(self, statements: Sequence[Statement]) -> None:
        """Run all statements in one transaction and one round trip; raise Conflict if a guard does not hold."""
        try:
            async with self._pool.connection() as connection, connection.transaction(), connection.pipeline():
                for statement in statements:
                    for text in STATEMENTS[statement.name]:
                        await connection.execute(text.encode(), statement.arguments)
        except ERRORS as error:
            raise translate(error) from error
