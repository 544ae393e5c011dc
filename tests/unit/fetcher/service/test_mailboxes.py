"""A caller reaches only the mail servers that it may, and cannot try passwords as fast as it likes."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fetcher.imap.connection import Connector, Credentials, LoginRefused
from fetcher.imap.reach import HostRefused, PublicOnly
from fetcher.service.limits import MOST_FAILURES, WINDOW_SECONDS, Limits, TooOften
from fetcher.service.mailboxes import Mailboxes
from tests.support.fetcher_stack import odd_stack
from tests.support.odd_imap import OddFolder, OddImap
from tests.unit.fetcher.service.test_limits import Clock

WRONG = "NO [AUTHENTICATIONFAILED] wrong"


@pytest.fixture
def odd() -> Iterator[OddImap]:
    """Yield a mail server."""
    with OddImap({"INBOX": OddFolder({})}) as server:
        yield server


@pytest.fixture
def connector(odd: OddImap) -> Connector:
    """Return how to connect to it."""
    return odd_stack(odd).connector


def test_wrong_passwords_are_limited(odd: OddImap, connector: Connector) -> None:
    """After ten refused logins within a minute, a user's next one waits, to any mailbox; others go on."""
    clock = Clock()
    mailboxes = Mailboxes(limits=Limits(clock=clock))
    odd.login_answers = [WRONG] * MOST_FAILURES
    wrong = replace(connector, credentials=Credentials("wrong"))
    for _ in range(MOST_FAILURES):
        with pytest.raises(LoginRefused):
            mailboxes.opener("jo", wrong)()

    with pytest.raises(TooOften, match="Too many logins to mailboxes failed"):
        mailboxes.opener("jo", connector)()
    mailboxes.opener("ann", connector)().close()
    clock.now += WINDOW_SECONDS
    mailboxes.opener("jo", connector)().close()

    assert odd.logins == MOST_FAILURES + 2


def test_a_login_that_worked_may_be_refused_later(odd: OddImap, connector: Connector) -> None:
    """A busy server that refuses a right password for a while uses up no tries, so that a mining can wait for it."""
    mailboxes = Mailboxes()
    reconnect = mailboxes.opener("jo", connector)
    reconnect().close()
    odd.login_answers = [WRONG] * (2 * MOST_FAILURES)

    for _ in range(2 * MOST_FAILURES):
        with pytest.raises(LoginRefused):
            reconnect()

    mailboxes.opener("jo", connector)().close()


def test_every_connection_is_dialed(odd: OddImap, connector: Connector) -> None:
    """A connector dials as the service wants it, whatever it would do itself."""
    dialed: list[tuple[str, int]] = []

    def dial(place: tuple[str, int], timeout: float | None) -> socket.socket:
        dialed.append(place)
        return socket.create_connection(place, timeout)

    open_mailbox = Mailboxes(dial).opener("jo", connector)
    open_mailbox().close()
    open_mailbox().close()

    assert dialed == [(odd.host, odd.port)] * 2
    with pytest.raises(HostRefused):
        Mailboxes(PublicOnly()).opener("jo", connector)()
