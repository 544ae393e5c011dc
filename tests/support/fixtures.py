"""Server fixtures: one server of each kind per session, and a fresh database per test."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import pytest

from fetcher.embedded.child import EmbeddedError
from tests.support.dovecot import Dovecot
from tests.support.mailboxes import fill, mail, whole_mailbox
from tests.support.permanent import PermanentDatabases
from tests.support.servers import Postgres, Valkey

READER = "jane@example.org"
READER_MESSAGES = 40
Server = TypeVar("Server", Postgres, Valkey)


def require(present: bool, reason: str) -> None:
    """If a service is missing, skip the test with the reason; if CI is set, fail it."""
    if present:
        return
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start a server and close it at the end; skip the test if the server is not installed."""
    try:
        server.start()
    except EmbeddedError as error:
        server.close()
        require(False, f"no {type(server).__name__}: {error}")
    yield server
    server.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Yield a running PostgreSQL that all tests of the session share; do not stop it."""
    with running(Postgres()) as server:
        yield server


@pytest.fixture(scope="session")
def valkey() -> Iterator[Valkey]:
    """Yield a running Valkey that all tests of the session share; do not stop it."""
    with running(Valkey()) as server:
        yield server


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Yield an IMAP server with the sample mailbox, which all tests read and none changes."""
    with Dovecot() as server:
        fill(server, whole_mailbox())
        yield server


@pytest.fixture
def inbox() -> Iterator[Dovecot]:
    """Yield an IMAP server with the small mailbox of `READER`, for the walks through the documents."""
    with Dovecot() as server:
        fill(server, {"INBOX": [mail(number, to=READER) for number in range(READER_MESSAGES)]}, login=READER)
        yield server


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
