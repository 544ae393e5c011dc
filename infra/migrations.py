"""Migrations of D1, which the provider does not have: what is left to do, as statements in atomic batches. Pure."""

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
"""One statement of D1's REST API: `sql` and `params`."""


def describe(migrations: Iterable[Migration]) -> dict[str, str]:
    """Return the checksums by id: what a state remembers of the files."""
    return {migration.id: migration.checksum for migration in migrations}


def read_d1_migrations(folder: Path = MINING_D1) -> list[Migration]:
    """Return the files in order; raise RefusedMigrations."""
    return read_migrations(folder)


def check_history(old: dict[str, str], new: dict[str, str]) -> None:
    """Raise RefusedMigrations unless what a state remembers is the beginning of what the files say."""
    pending([Migration(id_, "", checksum) for id_, checksum in sorted(new.items())], list(old.items()))


def plan_batches(
    migrations: Sequence[Migration], applied: Sequence[tuple[str, str | None]]
) -> Iterator[list[Statement]]:
    """Yield one batch a migration that is left, in order: all of it is applied and on record, or nothing is.

    `applied` is what the database says. One that recorded itself without a checksum gets it. Raises RefusedMigrations
    before anything is yielded.
    """
    left = pending(migrations, applied)
    adopted = {id_ for id_, checksum in applied if checksum is None}
    for migration in migrations:
        if migration.id in adopted:
            yield [_record(migration)]
    for migration in left:
        yield [*({"sql": sql, "params": []} for sql in split_statements(migration)), _record(migration)]


def split_statements(migration: Migration) -> Iterator[str]:
    """Yield a file's statements, without the comments between them; raise RefusedMigrations where one is too long.

    Where a statement ends is for SQLite's own tokenizer to say, so that triggers and quoted semicolons stay whole.
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
        raise RefusedMigrations(f"The migration {migration.id} ends within a statement: end it with a semicolon.")


def _checked(migration: Migration, statement: str) -> str:
    size = len(statement.encode())
    if size > D1_STATEMENT_BYTES:
        raise RefusedMigrations(
            f"A statement of the migration {migration.id} has {size} bytes, D1 takes {D1_STATEMENT_BYTES}: split it."
        )
    return statement


def _record(migration: Migration) -> Statement:
    return {"sql": _RECORD, "params": [migration.id, migration.checksum]}
