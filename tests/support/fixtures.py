"""Server fixtures: one server of each kind per session, and a fresh database per test."""

import os
from collections.abc import Iterator

import pytest

from fetcher.embedded.child import EmbeddedError
from tests.support.permanent import PermanentDatabases
from tests.support.servers import Postgres, Valkey


def require(present: bool, reason: str) -> None:
    """If a service is missing, skip the test with the reason; if CI is set, fail it."""
    if present:
        return
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Yield a running PostgreSQL that all tests of the session share; do not stop it."""
    server = Postgres()
    try:
        server.start()
    except EmbeddedError as error:
        server.close()
        require(False, f"no PostgreSQL: {error}")
    yield server
    server.close()


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """Yield a running Valkey that all tests of the session share; do not stop it."""
    server = Valkey()
    try:
        server.start()
    except EmbeddedError as error:
        server.close()
        require(False, f"no Valkey: {error}")
    yield server
    server.close()


@pytest.fixture
def database(postgres: Postgres) -> str:
    """Return the connection string of an empty database."""
    return postgres.fresh_database()


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """Return the connection string of an empty Redis database."""
    return valkey.fresh_url()


@pytest.fixture(scope="session")
def permanent_databases(postgres: Postgres) -> PermanentDatabases:
    """Return the factory of databases with the permanent schema; there is only one, so that names never collide."""
    return PermanentDatabases(postgres)
