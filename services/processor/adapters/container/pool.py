"""Pools of connections to PostgreSQL, and its errors in the words of the ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from processor.ports import Conflict, LimitExceeded, Unavailable

CONNECTIONS = 4
"""One for the job at hand, the others for the API."""
TIMEOUT_SECONDS = 10.0
ERRORS = (psycopg.Error, PoolTimeout, OSError)
"""Everything by which a database may fail us; `translate` says what it means."""
_CONFLICTS = (errors.IntegrityError, errors.SerializationFailure, errors.DeadlockDetected)
_TOO_LARGE = (errors.ProgramLimitExceeded, errors.StringDataRightTruncation)
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)

Pool = AsyncConnectionPool[psycopg.AsyncConnection[Any]]


@asynccontextmanager
async def open_pool(connection_string: str) -> AsyncIterator[Pool]:
    """Open a pool in autocommit mode; it connects by itself again when the server was away."""
    async with AsyncConnectionPool(
        connection_string,
        min_size=1,
        max_size=CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        reconnect_timeout=TIMEOUT_SECONDS,
        check=AsyncConnectionPool.check_connection,
        kwargs={"autocommit": True},
        open=False,
    ) as pool:
        yield pool


def translate(error: Exception) -> Exception:
    """Return the port's error for one of PostgreSQL's; what is our own mistake stays as it is."""
    if isinstance(error, _CONFLICTS):
        return Conflict("a guard did not hold")
    if isinstance(error, _TOO_LARGE):
        return LimitExceeded("a value is larger than the database takes")
    if isinstance(error, _AWAY):
        return Unavailable("the database does not answer")
    return error
