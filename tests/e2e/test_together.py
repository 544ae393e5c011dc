"""Simultaneous and repeated minings: users never touch each other's data, and nothing counts twice."""

import json
from collections import Counter
from collections.abc import Iterator

import pytest

from demo.people import OWNER
from fetcher.exits import Exit
from tests.support.dovecot import Dovecot
from tests.support.house import House, wait_until
from tests.support.mailboxes import fill, friendly_mailbox, mail, whole_mailbox

OTHER = "sam@example.net"
"""Another mailbox with the same people; some of its mail is the same."""
COUNTERS = ("occurrence", "sender", "recipient", "conversations", "replies")


@pytest.fixture(scope="module")
def two_mailboxes() -> Iterator[Dovecot]:
    """Yield an IMAP server with two mailboxes that have 800 messages in common."""
    friendly = friendly_mailbox()
    with Dovecot() as server:
        fill(server, friendly)
        fill(
            server, {"INBOX": [*friendly["INBOX"][:800], *(mail(number) for number in range(5000, 5400))]}, login=OTHER
        )
        yield server


def counters(export: bytes) -> dict[str, Counter[str]]:
    """Return the counters of each contact by address."""
    contacts = [json.loads(line) for line in export.splitlines()]
    return {contact["email"]: Counter({name: contact[name] for name in COUNTERS}) for contact in contacts}


def test_two_users_at_once_are_as_alone(house: House, two_mailboxes: Dovecot) -> None:
    """Two users who mine the same mailbox at the same time get the same result as a user alone."""
    assert house.mine("alone", two_mailboxes.port).code == Exit.OK
    commands = [house.start_mine(user, two_mailboxes.port) for user in ("one", "two")]

    codes = [house.end_command(command).code for command in commands]

    assert codes == [Exit.OK, Exit.OK]
    assert house.account("one") == house.account("alone")
    assert house.account("two") == house.account("alone")
    wait_until(lambda: not house.leftovers())


def test_two_sources_at_once_add_up_as_one_after_the_other(house: House, two_mailboxes: Dovecot) -> None:
    """Two simultaneous minings of one user count each message once, whichever is faster."""
    port = two_mailboxes.port
    me = ("--me", OWNER, "--me", OTHER)
    for login in (OWNER, OTHER):
        assert house.mine("in turn", port, *me, login=login).code == Exit.OK
    commands = [house.start_mine("at once", port, *me, login=login) for login in (OWNER, OTHER)]

    codes = [house.end_command(command).code for command in commands]

    assert codes == [Exit.OK, Exit.OK]
    wait_until(lambda: not house.leftovers())
    assert house.counted("at once") == house.counted("in turn") == 4800 + 400
    assert sum(mining["messages"]["processed"] for mining in house.client.minings("at once")) == 4800 + 400
    assert counters(house.contacts("at once")) == counters(house.contacts("in turn"))


def test_again_is_free_and_new_mail_alone_is_counted(house: House) -> None:
    """A second mining fetches nothing and changes no byte of the export; a third fetches and counts only new mail."""
    with Dovecot() as server:
        fill(server, whole_mailbox())
        assert house.mine("again", server.port).code == Exit.OK
        first, fetched = house.contacts("again"), server.messages_fetched(OWNER)

        second = house.mine("again", server.port)
        fetched_again, export_again = server.messages_fetched(OWNER), house.contacts("again")
        server.deliver(OWNER, "INBOX", [mail(number, sender="new@acme.com") for number in range(7)])
        third = house.mine("again", server.port)
        fetched_new = server.messages_fetched(OWNER)

    assert (second.code, third.code) == (Exit.OK, Exit.OK)
    assert fetched_again == fetched > 0
    assert export_again == first
    assert fetched_new == fetched + 7
    before, after = counters(first), counters(house.contacts("again"))
    assert after.pop("new@acme.com")["occurrence"] == 7
    assert after == before
