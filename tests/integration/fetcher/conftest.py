"""One Dovecot for all tests of the session, and a separate mailbox for each test."""

import itertools
from collections.abc import Iterator

import pytest

from fetcher.imap.connection import Connector
from tests.support.dovecot import Dovecot
from tests.support.fetcher_stack import PASSWORD, Stack, connect_to, mails
from tests.support.odd_imap import OddFolder, OddImap

NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Yield a running server shared by all tests; do not stop it."""
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
    """Return the connector for that mailbox."""
    return connect_to(dovecot, login)


@pytest.fixture
def stack(connector: Connector) -> Stack:
    """Return a stack for the test's own mailbox."""
    return Stack(connector)


@pytest.fixture
def odd_folder() -> OddFolder:
    """Return a folder of 450 messages, with UIDs starting at 1."""
    return OddFolder(dict(enumerate(mails(450), start=1)))


@pytest.fixture
def odd(odd_folder: OddFolder) -> Iterator[OddImap]:
    """Yield an odd server with that folder as INBOX."""
    with OddImap({"INBOX": odd_folder}) as server:
        yield server
