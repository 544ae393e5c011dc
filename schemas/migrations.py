"""Migrations: numbered SQL files, append-only, applied in order and never edited once applied.

Pure except for reading the files. The processor and the deployment apply them: each records ids and checksums in the
database and asks `pending` what is left to apply.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

PERMANENT = Path(__file__).parent / "permanent"
"""The permanent side's migrations, for PostgreSQL and Supabase."""
MINING_POSTGRES = Path(__file__).parent / "mining" / "postgres"
"""The temporary tables' migrations, for PostgreSQL."""

_NAME = re.compile(r"(\d{4})_[a-z0-9]+(?:_[a-z0-9]+)*\.sql")


class RefusedMigrations(ValueError):
    """The files or the database's record of applied migrations are wrong. The text is one sentence that says why."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its id (the file name without `.sql`), its text, and the text's SHA-256 in hex."""

    id: str
    sql: str
    checksum: str


class Applied(NamedTuple):
    """A database's record of one migration. The checksum is None if another tool applied it."""

    id: str
    checksum: str | None


def read_migrations(folder: Path) -> list[Migration]:
    """Return a folder's migrations in order; raise RefusedMigrations unless they are numbered 0001, 0002, ….

    CRLF is read as LF, so that every checkout has the same checksums.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.suffix == ".sql")
    except OSError as error:
        raise RefusedMigrations(f"Cannot read the migrations folder {folder}: {error.strerror}.") from error
    if not names:
        raise RefusedMigrations(f"The folder {folder} holds no migrations.")
    for number, name in enumerate(names, start=1):
        match = _NAME.fullmatch(name)
        if not match:
            raise RefusedMigrations(f"The migration {name} must be named like 0001_first_tables.sql.")
        if int(match[1]) != number:
            raise RefusedMigrations(f"Expected migration number {number:04} but found {name}: see {folder}.")
    return [_read(folder / name) for name in names]


def _read(path: Path) -> Migration:
    text = path.read_bytes().replace(b"\r\n", b"\n")
    return Migration(id=path.stem, sql=text.decode(), checksum=hashlib.sha256(text).hexdigest())


def pending(migrations: Sequence[Migration], applied: Sequence[tuple[str, str | None]]) -> list[Migration]:
    """Return the migrations left to apply; raise RefusedMigrations unless the applied ones are the first of these.

    `applied` holds pairs of id and checksum, in any order. A checksum of None is not compared.
    """
    known = {migration.id: migration for migration in migrations}
    checksums = dict(applied)
    newest = migrations[-1].id if migrations else "none"
    for id_ in sorted(checksums):
        if id_ not in known:
            raise RefusedMigrations(_unknown(id_, newest))
        if checksums[id_] not in (None, known[id_].checksum):
            raise RefusedMigrations(
                f"Migration {id_} was edited after it was applied: restore it and put the change in a new migration."
            )
    left = [migration for migration in migrations if migration.id not in checksums]
    late = [migration.id for migration in left if checksums and migration.id < max(checksums)]
    if late:
        raise RefusedMigrations(f"Migration {late[0]} was skipped, although {max(checksums)} was applied.")
    return left


def _unknown(id_: str, newest: str) -> str:
    if id_[:4] > newest[:4]:
        return f"The database is newer than this program: it has migration {id_}, but the newest known is {newest}."
    return f"Migration {id_} was applied, but its file was deleted or renamed: restore it."
