"""Servers that hang up after a while."""

from collections.abc import Iterator

import pytest

from tests.support.fetcher_stack import ledger_of, mails, odd_stack
from tests.support.imap.commands import Command
from tests.support.imap.faults import goodbye_after, on
from tests.support.imap.mail import Folder
from tests.support.imap.server import Fault, HangUp, ImapServer

BODIES = 10
MESSAGE_BYTES = 3_000


def breaking_after(responses: int, *, bytes_of_the_next: int) -> Fault:
    """Hang up without a word, in the middle of a response."""

    def leave(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        for number, response in enumerate(answer):
            if number == responses:
                yield response[:bytes_of_the_next]
                raise HangUp
            yield response

    return leave


@pytest.mark.parametrize(
    "fault",
    [
        goodbye_after(BODIES),
        breaking_after(BODIES, bytes_of_the_next=0),
        breaking_after(BODIES, bytes_of_the_next=20),
        breaking_after(BODIES, bytes_of_the_next=MESSAGE_BYTES // 2),
    ],
    ids=["BYE", "between", "in a line", "in a body"],
)
def test_what_came_before_the_end_is_kept(fault: Fault) -> None:
    """A server that hangs up after every ten bodies is read to the end, and hardly a body twice."""
    messages = {uid: mail.ljust(MESSAGE_BYTES, b"x") for uid, mail in enumerate(mails(200), start=1)}
    faults = [on("UID FETCH", fault, containing=b"BODY")]
    with ImapServer({"INBOX": Folder(messages)}, faults=faults) as server:
        outcome = odd_stack(server).mine(connections=1)

    assert ledger_of(outcome) == {"listed": 200, "fetched": 200, "skipped": {}, "failed": {}}
    assert server.sent < 1.2 * 200 * MESSAGE_BYTES


def test_a_server_that_sends_nothing_before_the_end() -> None:
    """A message at which the server always hangs up is refused, and all others are read."""

    def hang_up(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        for response in answer:
            if b"UID 7 " in response:
                raise HangUp
            yield response

    faults = [on("UID FETCH", hang_up, containing=b"BODY")]
    with ImapServer({"INBOX": Folder(dict(enumerate(mails(20), start=1)))}, faults=faults) as server:
        outcome = odd_stack(server).mine(connections=1)

    assert ledger_of(outcome) == {"listed": 20, "fetched": 19, "skipped": {}, "failed": {"refused": 1}}
