"""D1 migrations, which the provider does not support: the pending ones, as statements in atomic batches. Pure."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from schemas.limits import D1_STATEMENT_BYTES
from schemas.migrations import Migration, RefusedMigrations, pending, read_migrations

MINING_D1 = Path(__file__).resolve().parent.parent / "schemas" / "mining" / "d1"
"""The temporary tables' migrations, in D1's dialect."""

READ_RECORD = "SELECT id, checksum FROM migrations ORDER BY id"
HAS_RECORD = "SELECT count(*) AS n FROM sqlite_master WHERE type = 'table' AND name = 'migrations'"
_RECORD = (
    "INSERT INTO migrations (id, checksum) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET checksum = excluded.checksum"
)
Statement = dict[str, Any]
"""One statement for D1's REST API: `sql` and `params`."""


def describe(migrations: Iterable[Migration]) -> dict[str, str]:
    """Return the checksums by id, which the state stores."""
    return {migration.id: migration.checksum for migration in migrations}


def read_d1_migrations(folder: Path = MINING_D1) -> list[Migration]:
    """Return the migrations of a folder, in order; raise RefusedMigrations."""
    return read_migrations(folder)


def check_history(old: dict[str, str], new: dict[str, str]) -> None:
    """Raise RefusedMigrations unless the state's migrations (`old`) are the first of the files' (`new`)."""
    pending([Migration(id_, "", checksum) for id_, checksum in sorted(new.items())], list(old.items()))


def plan_batches(
    migrations: Sequence[Migration], applied: Sequence[tuple[str, str | None]]
) -> Iterator[list[Statement]]:
    """Yield one batch per pending migration, in order; a batch applies and records its migration, or does nothing.

    `applied` is the database's record, as ids and checksums. A migration that was recorded without a checksum gets a
    batch that adds it. Raises RefusedMigrations before it yields anything.
    """
    left = pending(migrations, applied)
    adopted = {id_ for id_, checksum in applied if checksum is None}
    for migration in migrations:
        if migration.id in adopted:
            yield [_record(migration)]
    for migration in left:
        yield [*({"sql": sql, "params": []} for sql in split_statements(migration)), _record(migration)]


def split_statements(migration: Migration) -> Iterator[str]:
    """Yield a file's statements without the comments between them.

    SQLite's own tokenizer finds where a statement ends, so triggers and quoted semicolons stay whole. Raises
    RefusedMigrations if a statement is too long for D1 or has no end.
    """
    collected = ""
    for line in migration.sql.splitlines(keepends=True):
        if not collected and (not line.strip() or line.lstrip().startswith("--")):
            continue
        collected += line
        if sqlite3.complete_statement(collected):
            yield _checked(migration, collected.strip())
            collected = ""
    if collected.strip():
        raise RefusedMigrations(f"The last statement of migration {migration.id} has no end: add a semicolon.")


def _checked(migration: Migration, statement: str) -> str:
    size = len(statement.encode())
    if size > D1_STATEMENT_BYTES:
        raise RefusedMigrations(
            f"A statement of migration {migration.id} has {size} bytes, and D1's limit is {D1_STATEMENT_BYTES}: "
            "split it."
        )
    return statement


def _record(migration: Migration) -> Statement:
    return {"sql": _RECORD, "params": [migration.id, migration.checksum]}
