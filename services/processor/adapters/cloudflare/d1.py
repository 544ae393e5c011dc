"""The temporary tables in D1: named statements and atomic batches through the Worker's binding."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from processor.adapters.cloudflare.dialect import Bound, bind_all, load_named
from processor.adapters.cloudflare.versions import refuse_older
from processor.ports import Conflict, Full, LimitExceeded, Row, Statement, Unavailable
from schemas.limits import D1_DATABASE_BYTES, D1_QUERIES

STATEMENTS: Final = load_named(Path(__file__).with_name("mining.sql")) | load_named(
    Path(__file__).with_name("sweep.sql")
)
_SCHEMA: Final = load_named(Path(__file__).with_name("schema.sql"))
SCHEMA_VERSION: Final = "0001_minings"
"""The newest migration that the statements need."""

CROWDED_SHARE: Final = 0.85
"""The share of the size limit from which nothing new begins. The rest is for what is under way, which frees rows."""

_CONFLICTS = ("SQLITE_CONSTRAINT", "constraint failed")
_FULL = ("maximum DB size", "maximum database size", "maximum size", "SQLITE_FULL", "disk is full")
_LIMITS = ("SQLITE_TOOBIG", "too big", "statement too long")
_MISSING = ("D1_COLUMN_NOTFOUND", "no such ", "has no column named")
_MISTAKES = (*_MISSING, "D1_TYPE_ERROR", "syntax error", "variable number", "parameter bindings")
"""Texts of D1's errors that a retry cannot fix (D1's docs, "Debug", 2026-11). Migrations fix what is missing."""


class D1MiningStore:
    """`MiningStore` on a D1 binding, for one invocation.

    If the database lacks a table or a column and its schema is older than the Worker, the error says which migrations
    to apply. `queries` counts the statements, which the platform limits. `size_bytes` is the size of the database's
    live pages after the latest statement; its file never shrinks.
    """

    def __init__(self, database: Any, *, max_queries: int = D1_QUERIES, max_bytes: int = D1_DATABASE_BYTES) -> None:
        self._database = database
        self._max_bytes = max_bytes
        self._max_queries = max_queries
        self.queries = 0
        self.size_bytes = 0

    @property
    def is_crowded(self) -> bool:
        """Whether the database has reached CROWDED_SHARE of its limit, as of the latest statement."""
        return self.size_bytes >= CROWDED_SHARE * self._max_bytes

    async def query(self, statement: str, /, **arguments: Any) -> list[Row]:
        """Run one statement by itself and return its rows."""
        [rows] = await self._ask(bind_all(STATEMENTS, [Statement(statement, arguments)]))
        return rows

    async def batch(self, statements: Sequence[Statement]) -> None:
        """Run all statements or none; raise Conflict if one of their guards does not hold."""
        await self._ask(bind_all(STATEMENTS, statements))

    async def _ask(self, statements: Sequence[Bound]) -> list[list[Row]]:
        try:
            return await self._run(statements)
        except Exception as error:
            if any(word in str(error) for word in _MISSING):
                await self._refuse_older_schema()
            translated = translate(error)
            if translated is error:
                raise
            raise translated from error

    async def _refuse_older_schema(self) -> None:
        try:
            [[row]] = await self._run(bind_all(_SCHEMA, [Statement("schema_version")]))
        except Exception as error:
            if "no such table" not in str(error):
                raise translate(error) from error
            row = {"id": None}
        refuse_older("D1", row["id"], needed=SCHEMA_VERSION)

    async def _run(self, statements: Sequence[Bound]) -> list[list[Row]]:
        self.queries += len(statements)
        if self.queries > self._max_queries:
            raise Unavailable("this invocation has used up its D1 statements")
        prepared = [self._database.prepare(bound.sql).bind(*bound.values) for bound in statements]
        answers = [await prepared[0].all()] if len(prepared) == 1 else await self._database.batch(prepared)
        self.size_bytes = int(_meta(answers[-1]).get("size_after") or 0)
        return [list(answer["results"]) for answer in answers]


def _meta(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return answer.get("meta") or {}


def translate(error: Exception) -> Exception:
    """Return the port's error for an error of D1. A port's own error, or our own mistake, is returned unchanged."""
    if isinstance(error, Unavailable):
        return error
    text = str(error)
    if any(word in text for word in _MISTAKES):
        return error
    if any(word in text for word in _CONFLICTS):
        return Conflict("a guard did not hold")
    if any(word.lower() in text.lower() for word in _FULL):
        return Full("D1 has reached its limit of size")
    if any(word in text for word in _LIMITS):
        return LimitExceeded("a value is larger than D1 accepts")
    return Unavailable("D1 does not answer")
