"""Servers that refuse for a while, or for good: what can be read is read, and the rest is in the ledger."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from fetcher.imap.reader import Halted
from tests.support.fetcher_stack import IMPATIENT, Stack, ledger_of, mails, odd_stack
from tests.support.imap.commands import Command
from tests.support.imap.faults import on, refused
from tests.support.imap.mail import Folder
from tests.support.imap.server import Fault, HangUp, ImapServer

MESSAGES = 450
WHOLE = {"listed": MESSAGES, "fetched": MESSAGES, "skipped": {}, "failed": {}}
BODIES = b"BODY"
REASONS = ["NO [THROTTLED] slow down", "NO System Error (Failure)"]
FEW = 60
"""Five dozen commands, over two connections, for everything from the login to the end."""


@contextmanager
def played(*faults: Fault, messages: int = MESSAGES, folders: int = 1) -> Iterator[tuple[ImapServer, Stack]]:
    """Yield a server with these faults and an impatient stack that mines it."""
    boxes = {name: Folder(dict(enumerate(mails(messages), start=1))) for name in ["INBOX", "Work", "Kids"][:folders]}
    with ImapServer(boxes, faults=faults) as server:
        stack = odd_stack(server)
        stack.pace = IMPATIENT
        yield server, stack


def connection_of(command: Command) -> str:
    """Return the part of a command's tag that is the same for all commands of its connection."""
    return command.tag.rstrip("0123456789")


def refused_on(poison: Callable[[int], bool], text: str = "NO cannot read it") -> Fault:
    """Refuse each FETCH of bodies that asks for a poisoned message."""

    def refuse(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        if command.name != "UID FETCH" or BODIES not in command.arguments:
            return answer
        first_to_last = [part.split(b":") for part in command.words[0].split(b",")]
        asked = [uid for part in first_to_last for uid in range(int(part[0]), int(part[-1]) + 1)]
        return iter([command.done(text)]) if any(map(poison, asked)) else answer

    return refuse


@pytest.mark.parametrize("command", ["EXAMINE", "UID SEARCH", "UID FETCH"])
@pytest.mark.parametrize("reason", [*REASONS, "NO failed"])
def test_a_refusal_that_passes(command: str, reason: str) -> None:
    """After one refusal, for whatever reason, the whole mailbox is read."""
    with played(on(command, refused(reason), times=1)) as (_, stack):
        assert ledger_of(stack.mine()) == WHOLE


@pytest.mark.parametrize("reason", [*REASONS, "NO failed"])
def test_a_server_that_gives_no_message(reason: str) -> None:
    """If every FETCH of bodies is refused, few are sent, nothing is condemned, and the next mining reads all."""
    with played(on("UID FETCH", refused(reason), containing=BODIES), messages=3 * MESSAGES) as (server, stack):
        refusing = stack.mine()
        commands = len(server.commands)
        server.faults.clear()
        following = stack.mine()

    assert ledger_of(refusing)["failed"] == {"unavailable": 3 * MESSAGES}
    assert not refusing.finished
    assert commands <= FEW
    assert (following.finished, ledger_of(following)["fetched"]) == (True, 3 * MESSAGES)


@pytest.mark.parametrize("reason", REASONS)
def test_a_server_that_opens_no_folder(reason: str) -> None:
    """If every EXAMINE is refused, there are few of them, and the next mining reads all."""
    with played(on("EXAMINE", refused(reason)), folders=3) as (server, stack):
        refusing = stack.mine()
        commands = len(server.commands)
        server.faults.clear()
        following = stack.mine()

    assert refusing.ledger is not None
    assert list(refusing.ledger["folders_failed"].values()) == ["unavailable"] * 3
    assert not refusing.finished
    assert commands <= FEW
    assert ledger_of(following)["fetched"] == 3 * MESSAGES


def test_a_server_that_hangs_up_at_each_message() -> None:
    """A server that answers every FETCH of bodies by hanging up is not asked for each message."""

    def leave(_: Command, __: Iterator[bytes]) -> Iterator[bytes]:
        raise HangUp

    with played(on("UID FETCH", leave, containing=BODIES)) as (server, stack):
        outcome = stack.mine()

    assert ledger_of(outcome)["failed"] == {"unavailable": MESSAGES}
    assert server.count("LOGIN") <= FEW


def test_a_throttle_in_the_middle() -> None:
    """What was read before the server stops giving stays, and the next mining reads only the rest."""
    given = [0]

    def throttle(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        given[0] += 1
        return answer if given[0] == 1 else iter([command.done("NO [THROTTLED] slow down")])

    with played(on("UID FETCH", throttle, containing=BODIES)) as (server, stack):
        first = stack.mine(connections=1)
        server.faults.clear()
        second = stack.mine(connections=1)

    assert ledger_of(first) == {"listed": MESSAGES, "fetched": 200, "skipped": {}, "failed": {"unavailable": 250}}
    assert ledger_of(second) == {"listed": 250, "fetched": 250, "skipped": {}, "failed": {}}
    assert stack.minings.watermark("INBOX") == f"1:{MESSAGES}"


@pytest.mark.parametrize("text", ["NO cannot read it", "NO [SERVERBUG] Internal error occurred"])
def test_messages_that_the_server_never_gives(text: str) -> None:
    """If the server gives others, only what it refuses is left out, even in a run of them or all over the folder."""
    poison = {7, 8, *range(230, 245), 401, 403, 405}

    with played(refused_on(poison.__contains__, text)) as (_, stack):
        outcome = stack.mine()

    expected = {"listed": MESSAGES, "fetched": MESSAGES - 20, "skipped": {}, "failed": {"refused": 20}}
    assert ledger_of(outcome) == expected
    assert outcome.finished


def test_one_message_that_is_refused() -> None:
    """The only message of a folder is refused after several tries, without a longer wait."""
    with played(refused_on(lambda _: True), messages=1) as (server, stack):
        outcome = stack.mine()

    assert ledger_of(outcome)["failed"] == {"refused": 1}
    assert 2 < server.count("UID FETCH") < 10


def test_a_throttle_while_looking_for_a_refused_message() -> None:
    """A single message that is refused while the server gives nothing at all is not condemned for it."""
    begun = threading.Event()

    def refuse(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        if command.words[0] == b"7":
            begun.set()
        if begun.is_set():
            return iter([command.done("NO [THROTTLED] slow down")])
        return refused_on(lambda uid: uid == 7)(command, answer)

    with played(on("UID FETCH", refuse, containing=BODIES)) as (_, stack):
        outcome = stack.mine(connections=1)

    assert outcome.ledger is not None
    assert list(outcome.ledger["failed"]) == ["unavailable"]
    assert not outcome.finished


def test_a_folder_that_is_locked() -> None:
    """A folder that another program has locked is left to the next mining; the others are read."""
    with played(on("EXAMINE", refused("NO [INUSE] locked"), containing=b"Work"), folders=3) as (server, stack):
        locked = stack.mine()
        server.faults.clear()
        following = stack.mine()

    assert ledger_of(locked)["fetched"] == 2 * MESSAGES
    assert locked.ledger is not None
    assert list(locked.ledger["folders_failed"].values()) == ["unavailable"]
    assert not locked.finished
    assert ledger_of(following) == WHOLE


def test_a_folder_without_permission() -> None:
    """A folder without permission is refused after the second try, at once, and finishes the mining."""
    with played(on("EXAMINE", refused("NO [NOPERM] no"), containing=b"Work"), folders=2) as (_, stack):
        outcome = stack.mine()

    assert outcome.ledger is not None
    assert list(outcome.ledger["folders_failed"].values()) == ["refused"]
    assert outcome.finished


def test_a_folder_that_is_closed_again_and_again() -> None:
    """A server that forgets the open folder before each FETCH is asked to open it again."""
    last = {"name": ""}

    def forget(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        before, last["name"] = last["name"], command.name
        if command.name == "UID FETCH" and before != "EXAMINE" and BODIES in command.arguments:
            return iter([command.done("BAD No mailbox selected")])
        return answer

    with played(forget) as (_, stack):
        assert ledger_of(stack.mine(connections=1)) == WHOLE


def test_a_connection_that_is_not_served() -> None:
    """If the server serves one connection and refuses the others, that one reads everything."""
    served: list[str] = []

    def refuse(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        connection = connection_of(command)
        served.append(connection)
        if connection == served[0]:
            return answer
        return iter([command.done("NO [LIMIT] Too many simultaneous connections")])

    with played(lambda command, answer: refuse(command, answer) if command.name == "EXAMINE" else answer) as (_, stack):
        assert ledger_of(stack.mine(connections=3)) == WHOLE


def test_stopped_while_the_server_refuses() -> None:
    """A mining that is stopped while the server refuses ends at once, condemns nothing, and is resumed."""

    def stop(command: Command, _: Iterator[bytes]) -> Iterator[bytes]:
        stack.stop.set()
        return iter([command.done("NO [THROTTLED] slow down")])

    with played(on("UID FETCH", stop, containing=BODIES)) as (server, stack):
        stopped = stack.mine()
        server.faults.clear()
        stack.stop.clear()
        resumed = stack.mine()

    assert (stopped.finished, stopped.state) == (False, "fetching")
    assert ledger_of(resumed) == WHOLE


@pytest.mark.parametrize("command", ["LIST", "STATUS"])
def test_connections_that_break_before_the_mining_begins(command: str) -> None:
    """Once the login has worked, a broken connection is opened again, whatever it was asked."""

    def leave(_: Command, __: Iterator[bytes]) -> Iterator[bytes]:
        raise HangUp

    with played(on(command, leave, times=1)) as (_, stack):
        assert ledger_of(stack.mine()) == WHOLE


def test_stopped_before_the_mining_begins() -> None:
    """A mining that is stopped while the connection breaks says so, and begins nothing."""

    def stop(_: Command, __: Iterator[bytes]) -> Iterator[bytes]:
        stack.stop.set()
        raise HangUp

    with played(on("LIST", stop)) as (_, stack), pytest.raises(Halted, match="run the same command again"):
        stack.mine()

    assert stack.minings.calls == []


@pytest.mark.parametrize("connections", [1, 2])
def test_a_damaged_part_of_a_folder(connections: int) -> None:
    """If the server gives nothing of most of a folder, however long it is waited for, the rest is read all the same."""
    damaged = refused_on(lambda uid: uid <= 9 * 200, "NO [SERVERBUG] Internal error occurred")

    with played(damaged, messages=11 * 200) as (_, stack):
        outcome = stack.mine(connections=connections)

    assert ledger_of(outcome) == {"listed": 2200, "fetched": 400, "skipped": {}, "failed": {"unavailable": 1800}}
