"""Opens a connection to a PostgreSQL database, and creates the database if it does not exist yet."""

import re
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import AsyncConnection, errors, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from processor.ports import Unavailable

CONNECT_SECONDS = 10
_MAINTENANCE = ("postgres", "template1")
_PORTS = re.compile(r"[0-9,]*")
"""One port, or one per host."""

Connection = AsyncConnection[tuple[Any, ...]]


class BadConnectionString(ValueError):
    """The connection string cannot be parsed. The text does not repeat it."""


async def connect_or_create(connection_string: str) -> Connection:
    """Return a connection in autocommit mode; create the database if the server has none of that name.

    Raises Unavailable with one sentence that names the server and the database, but no credential.
    """
    try:
        return await _connect(connection_string)
    except psycopg.OperationalError as error:
        failed = error
    if await _create(connection_string):
        with suppress(psycopg.OperationalError):
            return await _connect(connection_string)
    raise Unavailable(f"Cannot open the database {place(connection_string)}: {say(failed)}.") from failed


async def _connect(connection_string: str, **changed: str) -> Connection:
    asked = {"connect_timeout": CONNECT_SECONDS} | _read(connection_string)
    # No prepared statements, so that this works through a connection pooler.
    return await AsyncConnection.connect(make_conninfo(**(asked | changed)), autocommit=True, prepare_threshold=None)


async def _create(connection_string: str) -> bool:
    """Create the database. Return whether it is there now: made by us, or by another processor in the meantime."""
    name = _name(connection_string)
    for maintenance in _MAINTENANCE:
        try:
            connection = await _connect(connection_string, dbname=maintenance)
        except psycopg.OperationalError:
            continue
        async with connection:
            found = await connection.execute("SELECT FROM pg_catalog.pg_database WHERE datname = %s", (name,))
            return found.rowcount > 0 or await _create_by(connection, name)
    return False


async def _create_by(connection: Connection, name: str) -> bool:
    # Every server has the locale C, and we sort and compare by bytes.
    statement = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C'"
    try:
        await connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        return True
    except errors.InsufficientPrivilege as error:
        raise Unavailable(
            f"The database {name!r} does not exist, and this user cannot create it: ask an administrator to create it."
        ) from error
    except psycopg.Error as error:
        raise Unavailable(f"The database {name!r} does not exist and cannot be created: {say(error)}.") from error
    return True


def place(connection_string: str) -> str:
    """Return the database and server of a connection string, without user and password."""
    asked = _read(connection_string)
    host = asked.get("host") or asked.get("hostaddr") or "the local socket"
    port = asked.get("port")
    return f"{_name(connection_string)!r} at {host}{f':{port}' if port else ''}"


def say(error: psycopg.Error) -> str:
    """Return the server's error message in one line."""
    text = error.diag.message_primary or str(error) or type(error).__name__
    return text.strip().splitlines()[0].rstrip(".")


def _name(connection_string: str) -> str:
    asked = _read(connection_string)
    return str(asked.get("dbname") or asked.get("user") or "postgres")


def _read(connection_string: str) -> dict[str, Any]:
    with suppress(psycopg.ProgrammingError):
        asked = dict(conninfo_to_dict(connection_string))
        # With an unescaped or missing "@", parts of the password would pass for host or port, and be printed.
        if "@" not in str(asked.get("host", "")) and _PORTS.fullmatch(str(asked.get("port", ""))):
            return asked
    raise BadConnectionString(
        "Cannot read the PostgreSQL connection string: write it like postgresql://user@host:5432/database, "
        "with %40 for an @ in the password."
    )
