"""Fixtures of the end-to-end tests: an IMAP server with a mailbox that stays the same, and one running stack."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from fetcher.embedded.child import EmbeddedError
from fetcher.exits import Exit
from tests.e2e.worker_minings import MAILBOX, outcome
from tests.support.cloudflare.deployment import Deployment
from tests.support.dovecot import Dovecot
from tests.support.fixtures import require
from tests.support.house import BASELINE_USER, Account, House
from tests.support.mailboxes import fill, friendly_mailbox

_numbers = itertools.count()


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """Yield the running stack, which all tests share; each test mines for its own users."""
    try:
        stack = House()
    except EmbeddedError as error:
        require(False, f"no servers: {error}")
    with stack:
        yield stack


@pytest.fixture(scope="session")
def friendly() -> Iterator[Dovecot]:
    """Yield an IMAP server with mail from people who are contacts whichever part of the mail is read."""
    with Dovecot() as server:
        fill(server, friendly_mailbox())
        yield server


@pytest.fixture(scope="session")
def baseline(house: House, friendly: Dovecot) -> Account:
    """Return the account of an undisturbed mining of the friendly mailbox."""
    assert house.mine(BASELINE_USER, friendly.port).code == Exit.OK
    return house.account(BASELINE_USER)


@pytest.fixture
def user() -> str:
    """Return a user for this test only."""
    return f"user-{next(_numbers)}"


@pytest.fixture(scope="session")
def calm(shared_deployment: Deployment) -> dict[str, Any]:
    """Return the outcome of an undisturbed mining of the Worker's small mailbox: `ledger` and `contacts`."""
    return outcome(shared_deployment, shared_deployment.mine("calm", *MAILBOX))
