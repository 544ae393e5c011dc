"""Applies migrations to a PostgreSQL database when a processor starts. Any number of processors can do so at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from processor.adapters.container.connect import BadConnectionString, Connection, connect_or_create, place, say
from processor.ports import Unavailable
from schemas.migrations import (
    MINING_POSTGRES,
    PERMANENT,
    Migration,
    RefusedMigrations,
    pending,
    read_migrations,
)

_LOCK = 0x6C6561646D696E65
"""The advisory lock held while migrating a database: "leadmine" in ASCII."""

_NEW_RECORD = """
    CREATE SCHEMA IF NOT EXISTS {};
    CREATE TABLE {} (
        id text COLLATE "C" PRIMARY KEY,
        checksum text COLLATE "C",
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


class MigrationError(Exception):
    """A database could not be brought up to date. The text is one sentence for the person who runs the processor."""


async def migrate_all(*, permanent: str, mining: str) -> None:
    """Bring both databases, given by connection string, up to this program's version; raise MigrationError."""
    with _in_a_sentence():
        await migrate(permanent, PERMANENT, schema="leadminer")
        await migrate(mining, MINING_POSTGRES)


async def migrate_permanent(permanent: str) -> None:
    """Bring only the permanent database up to this program's version; raise MigrationError."""
    with _in_a_sentence():
        await migrate(permanent, PERMANENT, schema="leadminer")


@contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
    except (BadConnectionString, RefusedMigrations, Unavailable) as error:
        raise MigrationError(str(error)) from error


async def migrate(connection_string: str, folder: Path, *, schema: str = "public") -> list[str]:
    """Apply a folder's pending migrations to a database and return the ids that were applied now.

    `<schema>.migrations` records what is applied. Each file is applied in one transaction together with its record,
    under an advisory lock: if two processors migrate at once, the second waits and finds nothing to do. A missing
    database is created. Raises RefusedMigrations if the files and the record disagree or a file fails,
    BadConnectionString, and Unavailable if the server does not answer. No error names a credential.
    """
    migrations = read_migrations(folder)
    applied: list[str] = []
    try:
        async with await connect_or_create(connection_string) as connection:
            _check_encoding(connection)
            while (done := await _step(connection, migrations, schema)) is not None:
                applied.append(done)
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        raise Unavailable(f"PostgreSQL stopped answering while migrating {place(connection_string)}.") from error
    except psycopg.Error as error:
        raise RefusedMigrations(
            f"Cannot read or write the migrations table of {place(connection_string)}: {say(error)}."
        ) from error
    return applied


async def _step(connection: Connection, migrations: Sequence[Migration], schema: str) -> str | None:
    """Apply the next migration and return its id, or None if there is none."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        on_record = await _read_record(connection, schema)
        left = pending(migrations, on_record)
        adopted = [migration for migration in migrations if (migration.id, None) in on_record]
        for migration in adopted:
            await _record(connection, schema, migration)
        if not left:
            return None
        await _apply(connection, left[0])
        await _record(connection, schema, left[0])
        return left[0].id


async def _read_record(connection: Connection, schema: str) -> list[tuple[str, str | None]]:
    table = sql.Identifier(schema, "migrations")
    found = await connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table.as_string(),))
    if (await found.fetchone()) == (False,):
        await connection.execute(sql.SQL(_NEW_RECORD).format(sql.Identifier(schema), table))
    rows = await connection.execute(sql.SQL("SELECT id, checksum FROM {}").format(table))
    return [(id_, checksum) for id_, checksum in await rows.fetchall()]


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.sql.encode())
    except (psycopg.OperationalError, psycopg.InterfaceError):
        raise
    except psycopg.Error as error:
        raise RefusedMigrations(f"Migration {migration.id} failed and changed nothing: {say(error)}.") from error


async def _record(connection: Connection, schema: str, migration: Migration) -> None:
    """Record a migration as applied. If another tool or the file itself recorded it, add the checksum."""
    statement = sql.SQL(
        "INSERT INTO {} (id, checksum) VALUES (%s, %s) ON CONFLICT (id) DO UPDATE SET checksum = excluded.checksum"
    )
    await connection.execute(statement.format(sql.Identifier(schema, "migrations")), (migration.id, migration.checksum))


def _check_encoding(connection: Connection) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise RefusedMigrations(f"The database's encoding is {encoding}: use a database with the encoding UTF8.")
