"""Pools of connections to PostgreSQL, and its errors in the words of the ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import psycopg
from psycopg import errors
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_delay, wait_fixed

from processor.ports import Conflict, LimitExceeded, Unavailable

CONNECTIONS = 4
"""One for the job at hand, the others for the API."""
TIMEOUT_SECONDS = 10.0
AWAY_SECONDS = 5.0
LOOK_SECONDS = 0.1
"""How long, and how often, a server that went away is asked for: one that was killed is back soon."""
ERRORS = (psycopg.Error, PoolTimeout, OSError)
"""Everything by which a database may fail us; `translate` says what it means."""
_CONFLICTS = (errors.IntegrityError, errors.SerializationFailure, errors.DeadlockDetected)
_TOO_LARGE = (errors.ProgramLimitExceeded, errors.StringDataRightTruncation)
_AWAY = (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, OSError)

Connection = psycopg.AsyncConnection[Any]
Pool = AsyncConnectionPool[Connection]


class PatientConnection(Connection):
    """A connection that is tried for again soon where the server is away; the pool's own first pause is a second."""

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
    """Open a pool in autocommit mode; it connects by itself again when the server was away."""

    async def check(connection: Connection) -> None:
        try:
            await AsyncConnectionPool.check_connection(connection)
        except psycopg.Error:
            await pool.drain()  # the others are broken too; found one by one, each would cost a growing pause
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


def translate(error: Exception) -> Exception:
    """Return the port's error for one of PostgreSQL's; what is our own mistake stays as it is."""
    if isinstance(error, _CONFLICTS):
        return Conflict("a guard did not hold")
    if isinstance(error, _TOO_LARGE):
        return LimitExceeded("a value is larger than the database takes")
    if isinstance(error, _AWAY):
        return Unavailable("the database does not answer")
    return error
