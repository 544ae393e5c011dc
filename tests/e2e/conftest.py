"""What the end-to-end tests share: one IMAP server with a mailbox that nobody changes, and one house of servers."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from fetcher.embedded.child import EmbeddedError
from fetcher.exits import Exit
from tests.e2e.house import IN_PEACE, Account, House
from tests.e2e.mailboxes import fill, friendly_mailbox, whole_mailbox
from tests.e2e.worker_minings import MAILBOX, outcome
from tests.support.cloudflare.deployment import Deployment
from tests.support.dovecot import Dovecot
from tests.support.fixtures import require

_numbers = itertools.count()


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


@pytest.fixture(scope="session")
def friendly() -> Iterator[Dovecot]:
    """Yield an IMAP server with mail of people who are contacts in whatever part of it is read."""
    with Dovecot() as server:
        fill(server, friendly_mailbox())
        yield server


@pytest.fixture(scope="session")
def peaceful(house: House, friendly: Dovecot) -> Account:
    """Return the account of a mining of the friendly mailbox that nothing happened to."""
    assert house.mine(IN_PEACE, friendly.port).code == Exit.OK
    return house.account(IN_PEACE)


@pytest.fixture
def user() -> str:
    """Return a user of the test's own."""
    return f"user-{next(_numbers)}"


@pytest.fixture(scope="session")
def calm(shared_deployment: Deployment) -> dict[str, Any]:
    """Return what an undisturbed run of the Worker's small mailbox gives: `ledger` and `contacts`."""
    return outcome(shared_deployment, shared_deployment.mine("calm", *MAILBOX))
