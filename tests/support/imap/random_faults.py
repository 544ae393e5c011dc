"""Faults drawn at random: any that a server may have, at any command, a few times or always."""

import random
import re
from collections.abc import Iterator

from tests.support.imap.commands import Command
from tests.support.imap.faults import BODY, changed, first_saying, goodbye_after, instead, on, refused
from tests.support.imap.server import Fault, HangUp, ImapServer

COMMANDS = ("CAPABILITY", "LOGIN", "LIST", "STATUS", "EXAMINE", "UID SEARCH", "FETCH", "UID FETCH", "UID FETCH")
REFUSALS = (
    *("NO", "NO failed", "OK what?", "BAD what?", "NO [UNAVAILABLE] later", "NO [SERVERBUG] oops", "NO [INUSE] in use"),
    *("NO [LIMIT] too many", "NO [OVERQUOTA] full", "NO [THROTTLED] slow down", "NO System Error (Failure)"),
    *("BAD User is authenticated but not connected.", "NO Too many simultaneous connections", "BAD not selected"),
)
JUNK = (
    *(b"* BYE no\r\n", b"* 1 EXPUNGE\r\n", b"* OK still here\r\n", b"* NO low on memory\r\n", b"* 40 EXISTS\r\n"),
    b"* 1 FETCH (FLAGS (\\Seen))\r\n",
)
HANGS = 0.05
ONCE = "LIST"
"""A list that lacks a folder each time it is asked for is the list that the server has."""


def draw_fault(server: ImapServer, random: random.Random) -> Fault:
    """Return a fault for a server. One in twenty is that it answers nothing for a while, once."""
    command = random.choice(COMMANDS)
    if random.random() < HANGS:
        return on(command, _hanging(server), times=1)
    kinds: list[Fault] = [
        _hang_up,
        _break_off,
        _twice,
        _less(random),
        _shorter(random),
        _other_bodies(random),
        instead(),
        *(refused(random.choice(REFUSALS)) for _ in range(2)),
        *(first_saying(random.choice(JUNK)) for _ in range(2)),
        goodbye_after(random.randrange(12)),
    ]
    times = random.choice([1, 2, 3, None])
    return on(command, random.choice(kinds), times=1 if command == ONCE else times)


def _hanging(server: ImapServer) -> Fault:
    """Answer nothing until the server is closed."""

    def hang(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        server.closing.wait()
        yield from answer

    return hang


def _twice(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
    """Say each untagged response twice."""
    for response in answer:
        yield response
        if response.startswith(b"* "):
            yield response


def _hang_up(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
    raise HangUp
    yield from answer


def _break_off(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
    response = next(answer)
    yield response[: len(response) // 2]
    raise HangUp


def _less(random: random.Random) -> Fault:
    """Leave out some responses."""
    return changed(lambda response: response if random.random() < 0.7 else b"")


def _shorter(random: random.Random) -> Fault:
    """Leave out some UIDs of a search."""

    def change(response: bytes) -> bytes:
        found = re.match(rb"(\* SEARCH|\* ESEARCH .* ALL) ?(.*)\r\n", response)
        if not found:
            return response
        separator = b"," if b"ALL" in found[1] else b" "
        kept = [uid for uid in found[2].split(separator) if uid and random.random() < 0.8]
        return found[1] + b" " + separator.join(kept or found[2].split(separator)[:1]) + b"\r\n"

    return changed(change)


def _other_bodies(random: random.Random) -> Fault:
    """Send something else for some messages."""

    def change(response: bytes) -> bytes:
        body = BODY.match(response)
        if not body or random.random() < 0.8:
            return response
        size, head, text = int(body[1]), response[: body.start(1) - 1], response[body.end() : -3]
        return random.choice(
            [
                b"",
                head + b"NIL)\r\n",
                head + b'"")\r\n',
                head + b"{0}\r\n)\r\n",
                head + b"{%d}\r\n%s)\r\n" % (size + random.randrange(1, 60), text),
                head + b"{%d}\r\n%s)\r\n" % (max(0, size - random.randrange(1, 20)), text),
                response[:-3] + b" BODY[] {3}\r\nabc)\r\n",
            ]
        )

    return changed(change)
