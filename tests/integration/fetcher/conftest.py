"""A Dovecot for all tests of the session, and a mailbox of its own for each."""

import itertools
from collections.abc import Callable, Iterator

import pytest

from fetcher.connection import Connector, Credentials
from fetcher.source import Source
from tests.support.dovecot import Dovecot

PASSWORD = "correct horse"
NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Yield a running server that all tests share; do not stop it."""
    with Dovecot(oauth=True, special_use={"Drafts": r"\Drafts", "Odd bin": r"\Trash"}) as server:
        yield server


@pytest.fixture
def login(dovecot: Dovecot) -> str:
    """Return the login of a new, empty mailbox."""
    name = f"jane{next(NUMBERS)}@example.org"
    dovecot.add_user(name, PASSWORD)
    return name


@pytest.fixture
def connector(dovecot: Dovecot, login: str) -> Connector:
    """Return how to connect to that mailbox."""
    return make_connector(dovecot, login)


def make_connector(server: Dovecot, login: str, *, token: Callable[[], str] | None = None) -> Connector:
    """Return how to connect to a mailbox of a server, over TLS."""
    credentials = Credentials(PASSWORD) if token is None else Credentials(token=token)
    return Connector(Source(login, server.host, server.tls_port), credentials, ca_file=server.ca_file)
