"""Parse FETCH answers. Pure.

The pieces come from imaplib: a pair (text, literal) for each literal, and bytes for the rest of each line. A few
patterns parse the usual responses. Any other goes to imapclient's parser, which is complete but twenty times slower.
"""

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from imapclient.exceptions import ProtocolError
from imapclient.response_parser import parse_fetch_response

from fetcher.imap.names import quote

Pieces = Sequence[bytes | tuple[bytes, bytes] | None]

MONTHS = {
    name: number for number, name in enumerate(b"jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)
}
OPENING = re.compile(rb"\d+ \(")
UID = re.compile(rb"[( ]UID (\d{1,10})\b", re.IGNORECASE)
SIZE = re.compile(rb"[( ]RFC822\.SIZE (\d{1,18})\b", re.IGNORECASE)
INTERNAL_DATE = re.compile(
    rb'[( ]INTERNALDATE "( \d|\d\d)-(\w\w\w)-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)"', re.IGNORECASE
)
BODY = re.compile(rb"[( ]BODY\[(?:HEADER)?\](?:<0>)? \{(\d+)\}$", re.IGNORECASE)
ANY_BODY = re.compile(rb"[( ]BODY\[", re.IGNORECASE)
LITERAL = re.compile(rb"\{(\d+)\}$")
CLOSING = re.compile(rb'(?: [\w.-]+ (?:\d+|NIL|"[^"]*"|\([^()]*\)))*\)')
POSITION = re.compile(rb"(\d{1,10}) \(")
MAX_NUMBER = 4_294_967_295
"""The highest UID, position and UIDVALIDITY (RFC 9051 section 9, nz-number)."""


class Fetched(NamedTuple):
    """One message as the server sent it; `size` and `internal_date` (seconds since 1970) are None if it sent none."""

    uid: int
    size: int | None
    internal_date: int | None
    body: bytes


class Place(NamedTuple):
    """A message's position in its folder, its UID and, if the server gives it, the day on which it was received."""

    position: int
    uid: int
    day: date | None


def parse_messages(pieces: Pieces) -> list[Fetched]:
    """Return the messages in the answer to a FETCH that asked for one body per message.

    Leaves out unsolicited data (flags), messages whose body is NIL, which is how Dovecot reports a message that was
    just expunged, and each response that is not exactly one message with one complete body.
    """
    return [message for response in _responses(pieces) if (message := _message(response))]


def parse_sizes(pieces: Pieces) -> Iterator[tuple[int, int]]:
    """Yield UID and RFC822.SIZE from the answer to a FETCH of only those; lines without both are left out."""
    for piece in pieces:
        if isinstance(piece, bytes) and (uid := UID.search(piece)) and (size := SIZE.search(piece)):
            yield int(uid[1]), int(size[1])


def parse_places(pieces: Pieces) -> Iterator[Place]:
    """Yield the places in the answer to a FETCH of UIDs and, if it asked for them, internal dates."""
    for piece in pieces:
        if not isinstance(piece, bytes):
            continue
        position, uid = POSITION.match(piece), UID.search(piece)
        if position and uid and 0 < int(uid[1]) <= MAX_NUMBER:
            yield Place(int(position[1]), int(uid[1]), _day(INTERNAL_DATE.search(piece)))


def join_lines(pieces: Pieces) -> Iterator[bytes]:
    """Yield responses as one line each, with their literals as quoted strings."""
    for response in _responses(pieces):
        yield b"".join(
            piece if isinstance(piece, bytes) else LITERAL.sub(b"", piece[0]) + quote(piece[1]) for piece in response
        )


def _responses(pieces: Pieces) -> Iterator[list[bytes | tuple[bytes, bytes]]]:
    """Yield the pieces of each response; the last one is left out if the connection broke before its end."""
    response: list[bytes | tuple[bytes, bytes]] = []
    for piece in pieces:
        if piece is not None:
            response.append(piece)
        if isinstance(piece, bytes):
            yield response
            response = []


def _message(response: list[bytes | tuple[bytes, bytes]]) -> Fetched | None:
    """Return the message in a response that has one literal; its attributes can be in any order."""
    head, end = response[0], response[-1]
    if len(response) != 2 or not isinstance(head, tuple) or not isinstance(end, bytes):
        return _unusual_message(response)
    body = BODY.search(head[0])
    if not body or not OPENING.match(head[0]) or not (end == b")" or CLOSING.fullmatch(end)):
        return _unusual_message(response)
    attributes = head[0] + end
    uid, size, moment = UID.search(attributes), SIZE.search(attributes), INTERNAL_DATE.search(attributes)
    if not uid:
        return _unusual_message(response)
    return _fetched(
        int(uid[1]), int(size[1]) if size else None, _seconds(moment) if moment else None, head[1], int(body[1])
    )


def _fetched(uid: int, size: int | None, moment: int | None, body: bytes, announced: int) -> Fetched | None:
    """Return the message, unless nothing of its body was kept; a body that was cut has at least the announced size."""
    if len(body) == announced:
        return Fetched(uid, size, moment, body)
    return Fetched(uid, max(size or 0, announced), moment, body) if body else None


def _seconds(moment: re.Match[bytes]) -> int | None:
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = moment.groups()
    try:
        local = calendar.timegm(
            (int(year), MONTHS[month.lower()], int(day), int(hour), int(minute), int(second), 0, 0, 0)
        )
    except (KeyError, ValueError):
        return None
    offset = int(zone_hours) * 3600 + int(zone_minutes) * 60
    return local - offset if sign == b"+" else local + offset


def _day(moment: re.Match[bytes] | None) -> date | None:
    if moment is None:
        return None
    try:
        return date(int(moment[3]), MONTHS[moment[2].lower()], int(moment[1]))
    except (KeyError, ValueError):
        return None


def _unusual_message(response: list[bytes | tuple[bytes, bytes]]) -> Fetched | None:
    text = b" ".join(piece if isinstance(piece, bytes) else piece[0] for piece in response)
    if len(ANY_BODY.findall(text)) != 1:
        return None
    # The parser expects that literals have the announced length, but long ones were cut.
    pieces = [
        piece if isinstance(piece, bytes) else (LITERAL.sub(b"{%d}" % len(piece[1]), piece[0]), piece[1])
        for piece in response
    ]
    try:
        answers = parse_fetch_response(pieces, normalise_times=False, uid_is_key=False)
    except (ProtocolError, ValueError, TypeError, AttributeError, LookupError):
        return None
    announced = sum(
        int(found[1]) for piece in response if isinstance(piece, tuple) if (found := LITERAL.search(piece[0]))
    )
    return next((_message_of(fields, announced) for fields in answers.values()), None)


def _message_of(fields: Mapping[bytes, object], announced: int) -> Fetched | None:
    bodies = [value for name, value in fields.items() if name.startswith(b"BODY[") and value is not None]
    uid, size, moment = (fields.get(name) for name in (b"UID", b"RFC822.SIZE", b"INTERNALDATE"))
    if len(bodies) != 1 or not isinstance(uid, int):
        return None
    body = _text(bodies[0])
    return _fetched(
        uid,
        size if isinstance(size, int) else None,
        int(moment.timestamp()) if isinstance(moment, datetime) else None,
        body,
        max(announced, len(body)),
    )


def _text(value: object) -> bytes:
    """Return a body as bytes, because imapclient parses a body of only digits as a number."""
    return value if isinstance(value, bytes) else str(value).encode()
