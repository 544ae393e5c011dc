"""Connection pools to PostgreSQL, and the translation of its errors to the ports' errors."""

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from processor.ports import Conflict, Full, LimitExceeded, Unavailable

CONNECTIONS = 4
"""One for the current job, the others for the API."""
TIMEOUT_SECONDS = 10.0
AWAY_SECONDS = 5.0
LOOK_SECONDS = 0.1
"""How long and at what interval to retry a server that went away. One that was killed is back soon."""
ERRORS = (psycopg.Error, PoolTimeout, OSError)
"""Every error that a database can cause. `translate` says what it means."""
_CONFLICTS = (errors.IntegrityError, errors.SerializationFailure, errors.DeadlockDetected)
_TOO_LARGE = (errors.ProgramLimitExceeded, errors.StringDataRightTruncation)
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]


class PatientConnection(Connection):
    """A connection that retries quickly while the server is away. The pool itself first waits a second."""

    @classmethod
    async def connect(cls, conninfo: str = "", **settings: Any) -> Self:
        """Connect; raise OperationalError after AWAY_SECONDS."""
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(psycopg.OperationalError),
            wait=wait_fixed(LOOK_SECONDS),
            stop=stop_after_delay(AWAY_SECONDS),
            reraise=True,
        ):
            with attempt:
                return await super().connect(conninfo, **settings)
        raise AssertionError


@asynccontextmanager
async def open_pool(connection_string: str) -> AsyncIterator[Pool]:
    """Open a pool in autocommit mode. It reconnects by itself after the server was away."""

    async def check(connection: Connection) -> None:
        try:
            if _has_heard(connection):
                await AsyncConnectionPool.check_connection(connection)
        except psycopg.Error:
            await pool.drain()  # the others are broken too, and finding them one by one costs a growing pause each
            raise

    connection_class: type[Connection] = PatientConnection
    async with AsyncConnectionPool(
        connection_string,
        connection_class=connection_class,
        min_size=1,
        max_size=CONNECTIONS,
        timeout=TIMEOUT_SECONDS,
        reconnect_timeout=TIMEOUT_SECONDS,
        check=check,
        kwargs={"autocommit": True},
        open=False,
    ) as pool:
        yield pool


def _has_heard(connection: Connection) -> bool:
    """Return whether a server has sent something that was not asked for. When it ends a connection, it does.

    To ask the server itself would take a round trip before each statement.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def translate(error: Exception) -> Exception:
    """Return the port's error for an error of PostgreSQL. An error that is our own mistake is returned unchanged."""
    if isinstance(error, _CONFLICTS):
        return Conflict("a guard did not hold")
    if isinstance(error, _TOO_LARGE):
        return LimitExceeded("a value is larger than the database accepts")
    if isinstance(error, errors.DiskFull):
        return Full("the database's disk is full")
    if isinstance(error, _AWAY):
        return Unavailable("the database does not answer")
    return error
