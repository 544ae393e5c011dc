"""D1's binding over SQLite: the part that the adapter uses, with D1's error texts and every published limit."""

import sqlite3
import time
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from schemas.limits import (
    D1_DATABASE_BYTES,
    D1_PARAMETERS,
    D1_QUERIES,
    D1_QUERY_SECONDS,
    D1_RESULT_BYTES,
    D1_ROW_BYTES,
    D1_STATEMENT_BYTES,
)
from tests.support.cloudflare.refusals import FULL, TOO_LATE, TOO_MANY_QUERIES, refuse_result, refuse_value

MIGRATIONS = Path(__file__).parents[2] / "schemas/mining/d1"
MAX_SAFE_INTEGER = 2**53 - 1
LOOK_INSTRUCTIONS = 10_000
"""How many steps SQLite makes between two looks at the clock."""


class D1Error(Exception):
    """An error that D1 throws, with the text observed in the runtime."""


class SqliteStatement:
    """A prepared statement; binding returns a new one."""

    def __init__(self, database: "SqliteD1", sql: str, values: Sequence[Any] = ()) -> None:
        self._database = database
        self.sql = sql
        self.values = values

    def bind(self, *values: Any) -> Self:
        """Return the statement with its values, which can be strings, numbers, booleans and None."""
        for value in values:
            _check_value(value)
        return type(self)(self._database, self.sql, values)

    async def all(self) -> dict[str, Any]:
        """Run the statement by itself."""
        [answer] = await self._database.batch([self])
        return answer


class SqliteD1:
    """A D1 database in memory; all queries count toward one invocation until `begin_invocation`.

    The limits that a test cannot reach, size and time, can be set smaller.
    """

    def __init__(
        self,
        *,
        max_bytes: int = D1_DATABASE_BYTES,
        max_result_bytes: int = D1_RESULT_BYTES,
        max_seconds: float = D1_QUERY_SECONDS,
    ) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        # Python 3.13 warns about connections left open; the garbage collector may close this one in any thread.
        weakref.finalize(self, self.connection.close)
        self.connection.row_factory = sqlite3.Row
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, D1_ROW_BYTES)
        self.connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, D1_STATEMENT_BYTES)
        if sqlite3.sqlite_version_info < (3, 41):
            self.connection.create_function("unhex", 1, bytes.fromhex, deterministic=True)
        self.queries = 0
        self.max_result_bytes = max_result_bytes
        self.max_seconds = max_seconds
        self._until = 0.0
        self._page_bytes = self._pragma("page_size")
        self.set_max_bytes(max_bytes)

    @classmethod
    def migrated(cls) -> Self:
        """Return a database with all migrations applied."""
        database = cls()
        for path in sorted(MIGRATIONS.glob("*.sql")):
            database.connection.executescript(path.read_text())
        return database

    def begin_invocation(self) -> None:
        """Reset the count of queries, as a new invocation of a Worker does."""
        self.queries = 0

    def set_max_bytes(self, size: int) -> None:
        """Set how large the file can get; a file that is larger already cannot grow."""
        self.connection.execute(f"PRAGMA max_page_count = {size // self._page_bytes}")

    def _pragma(self, name: str) -> int:
        return int(self.connection.execute(f"PRAGMA {name}").fetchone()[0])

    def prepare(self, sql: str) -> SqliteStatement:
        """Return a statement without values."""
        return SqliteStatement(self, sql)

    async def batch(self, statements: Sequence[SqliteStatement]) -> list[dict[str, Any]]:
        """Run all statements in one transaction, or none."""
        self.queries += len(statements)
        if self.queries > D1_QUERIES:
            raise D1Error(TOO_MANY_QUERIES)
        self.connection.execute("BEGIN IMMEDIATE")
        self._until = time.monotonic() + self.max_seconds
        self.connection.set_progress_handler(self._is_late, LOOK_INSTRUCTIONS)
        try:
            answers = [self._run(statement) for statement in statements]
            self.connection.execute("COMMIT")
        except Exception:
            self.connection.set_progress_handler(None, 0)
            if self.connection.in_transaction:  # a full database has ended it already
                self.connection.execute("ROLLBACK")
            raise
        self.connection.set_progress_handler(None, 0)
        return answers

    def _is_late(self) -> bool:
        return time.monotonic() > self._until

    def _run(self, statement: SqliteStatement) -> dict[str, Any]:
        if len(statement.values) > D1_PARAMETERS:
            raise D1Error(f"D1_ERROR: variable number must be between ?1 and ?{D1_PARAMETERS}: SQLITE_ERROR")
        if len(statement.sql.encode()) > D1_STATEMENT_BYTES:
            raise D1Error("D1_ERROR: statement too long: SQLITE_TOOBIG")
        try:
            rows = self.connection.execute(statement.sql, tuple(statement.values)).fetchall()
        except sqlite3.IntegrityError as error:
            raise D1Error(f"D1_ERROR: {error}: SQLITE_CONSTRAINT") from error
        except sqlite3.DataError as error:
            raise D1Error(f"D1_ERROR: {error}: SQLITE_TOOBIG") from error
        except sqlite3.Error as error:
            raise D1Error(_TEXTS.get(str(error), f"D1_ERROR: {error}: SQLITE_ERROR")) from error
        results = [_row(row) for row in rows]
        if refusal := refuse_result(results, most=self.max_result_bytes):
            raise D1Error(refusal)
        size = (self._pragma("page_count") - self._pragma("freelist_count")) * self._page_bytes
        return {"results": results, "success": True, "meta": {"size_after": size}}


_TEXTS = {
    "database or disk is full": FULL,
    "interrupted": TOO_LATE,
}
"""D1's texts for errors of SQLite."""


def _check_value(value: Any) -> None:
    if value is not None and not isinstance(value, str | int | float):
        raise D1Error(f"D1_TYPE_ERROR: Type '{type(value).__name__}' not supported for value")
    if isinstance(value, int) and abs(value) >= MAX_SAFE_INTEGER:
        raise D1Error("D1_TYPE_ERROR: Type 'bigint' not supported for value")
    if refusal := refuse_value(value):
        raise D1Error(refusal)


def _row(row: sqlite3.Row) -> dict[str, Any]:
    return {key: list(row[key]) if isinstance(row[key], bytes) else row[key] for key in row.keys()}  # noqa: SIM118
