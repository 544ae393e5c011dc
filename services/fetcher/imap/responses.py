"""Parse FETCH answers. Pure.

The pieces come from imaplib: a pair (text, literal) for each literal, and bytes for the rest of each line. Four
patterns parse the usual answers. Anything else goes to imapclient's parser, which is complete but twenty times slower.
"""

import calendar
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from imapclient.exceptions import ProtocolError
from imapclient.response_parser import parse_fetch_response

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
BODY = re.compile(rb"[( ]BODY\[(?:HEADER)?\](?:<0>)? \{\d+\}$", re.IGNORECASE)


class Fetched(NamedTuple):
    """One message as the server sent it; `size` and `internal_date` (seconds since 1970) are None if it sent none."""

    uid: int
    size: int | None
    internal_date: int | None
    body: bytes


class _Unusual(ValueError):
    """An answer that the patterns do not cover."""


def parse_messages(pieces: Pieces) -> list[Fetched]:
    """Return the messages in the answer to a FETCH that asked for one body per message.

    Leaves out unsolicited data (flags) and messages whose body is NIL, which is how Dovecot reports a message that was
    just expunged.

    Raises imapclient's ProtocolError, a subclass of imaplib.IMAP4.error, if this is not a FETCH answer at all.
    """
    try:
        return list(_usual_messages(pieces))
    except _Unusual:
        return _any_messages(pieces)


def parse_sizes(pieces: Pieces) -> Iterator[tuple[int, int]]:
    """Yield UID and RFC822.SIZE from the answer to a FETCH of only those; lines without both are left out."""
    for piece in pieces:
        if isinstance(piece, bytes) and (uid := UID.search(piece)) and (size := SIZE.search(piece)):
            yield int(uid[1]), int(size[1])


def _usual_messages(pieces: Pieces) -> Iterator[Fetched]:
    """Yield messages that have one literal each; their attributes can be in any order."""
    rest = iter(pieces)
    for piece in rest:
        if isinstance(piece, tuple):
            end = next(rest, None)
            if not OPENING.match(piece[0]) or not BODY.search(piece[0]) or not isinstance(end, bytes):
                raise _Unusual
            yield _message(piece[0] + end, piece[1])
        elif piece is not None and b"BODY[" in piece.upper():
            raise _Unusual


def _message(attributes: bytes, body: bytes) -> Fetched:
    uid = UID.search(attributes)
    if not uid:
        raise _Unusual
    size, moment = SIZE.search(attributes), INTERNAL_DATE.search(attributes)
    return Fetched(int(uid[1]), int(size[1]) if size else None, _seconds(moment) if moment else None, body)


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


def _any_messages(pieces: Pieces) -> list[Fetched]:
    try:
        answers = parse_fetch_response(list(pieces), normalise_times=False, uid_is_key=False)
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        raise ProtocolError("not a FETCH answer") from error
    return [message for fields in answers.values() if (message := _message_of(fields))]


def _message_of(fields: Mapping[bytes, object]) -> Fetched | None:
    bodies = [value for name, value in fields.items() if name.startswith(b"BODY[") and value is not None]
    uid, size, moment = (fields.get(name) for name in (b"UID", b"RFC822.SIZE", b"INTERNALDATE"))
    if not bodies or not isinstance(uid, int):
        return None
    return Fetched(
        uid,
        size if isinstance(size, int) else None,
        int(moment.timestamp()) if isinstance(moment, datetime) else None,
        _text(bodies[0]),
    )


def _text(value: object) -> bytes:
    """Return a body as bytes, because imapclient parses a body of only digits as a number."""
    return value if isinstance(value, bytes) else str(value).encode()
