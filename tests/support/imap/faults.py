"""Faults: each changes the answer to a command, as some real server does."""

import re
from collections.abc import Callable, Iterator

from tests.support.imap.commands import Command
from tests.support.imap.server import Fault, HangUp

BODY = re.compile(rb"\* \d+ FETCH \(.*BODY\[[^\]]*\](?:<\d+>)? \{(\d+)\}\r\n", re.IGNORECASE | re.DOTALL)


def on(name: str, fault: Fault, *, times: int | None = None, containing: bytes = b"") -> Fault:
    """Apply a fault only to a command whose arguments contain some text, at most so many times."""
    left = [float("inf") if times is None else times]

    def only(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        if command.name != name or containing not in command.arguments or left[0] <= 0:
            return answer
        left[0] -= 1
        return fault(command, answer)

    return only


def refused(text: str = "NO not now") -> Fault:
    """Answer nothing but this."""
    return lambda command, _: iter([command.done(text)])


def instead(*responses: bytes) -> Fault:
    """Answer OK with these responses."""
    return lambda command, _: iter([*responses, command.done()])


def first_saying(junk: bytes) -> Fault:
    """Say something before the answer."""

    def say(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        yield junk
        yield from answer

    return say


def changed(change: Callable[[bytes], bytes]) -> Fault:
    """Change each untagged response; an empty one is left out."""

    def each(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        for response in answer:
            if kept := change(response) if response.startswith(b"* ") else response:
                yield kept

    return each


def rewritten(pattern: bytes, text: bytes) -> Fault:
    """Replace a pattern in each untagged response."""
    return changed(lambda response: re.sub(pattern, text, response, flags=re.DOTALL))


def without(pattern: bytes) -> Fault:
    """Leave out the untagged responses that contain a pattern."""
    return changed(lambda response: b"" if re.search(pattern, response, re.DOTALL) else response)


def goodbye_after(responses: int, text: bytes = b"* BYE too much\r\n") -> Fault:
    """Hang up after so many responses, with a last word."""

    def leave(_: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
        for number, response in enumerate(answer):
            if number == responses:
                yield text
                raise HangUp
            yield response

    return leave


def overstated(surplus: int, *uids: int) -> Fault:
    """Announce more bytes than the bodies of these messages have."""
    return _announced(surplus, uids)


def understated(missing: int, *uids: int) -> Fault:
    """Announce fewer bytes than the bodies of these messages have."""
    return _announced(-missing, uids)


def _announced(more: int, uids: tuple[int, ...]) -> Fault:
    def change(response: bytes) -> bytes:
        body = BODY.match(response)
        if not body or not any(b"UID %d " % uid in response for uid in uids):
            return response
        return b"%s{%d}%s" % (response[: body.start(1) - 1], int(body[1]) + more, response[body.end(1) + 1 :])

    return changed(change)
