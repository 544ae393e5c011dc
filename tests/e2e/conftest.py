"""What the end-to-end tests share: one IMAP server with a mailbox that nobody changes, and one house of servers."""

from collections.abc import Iterator

import pytest

from fetcher.child import EmbeddedError
from tests.e2e.house import House
from tests.e2e.mailboxes import fill, whole_mailbox
from tests.support.dovecot import Dovecot
from tests.support.fixtures import require


@pytest.fixture(scope="session")
def dovecot() -> Iterator[Dovecot]:
    """Yield an IMAP server whose owner's mailbox nobody changes."""
    with Dovecot() as server:
        fill(server, whole_mailbox())
        yield server


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """Yield the running stack, which all tests share; each mines for users of its own."""
    try:
        stack = House()
    except EmbeddedError as error:
        require(False, f"no servers: {error}")
    with stack:
        yield stack
