"""Packing: what messages say about addresses, as rows of JSON; and uniting the rows over all copies of a message.

A row is ``[[key, date|null, conversation, [[address, [plus...], [names...], fields, tag, signed], ...]], ...]``. A
message can be in several entries and rows. Everything that they say about one address in one message is united, in any
order.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar
from zlib import crc32

from processor.domain.facts import NO_TAG, Message, Point

Entry = list[Any]
"""What a row says about one message: key in hex, date, conversation (0 or 1), points."""

Said = tuple[int | None, int, int, int, Sequence[str], Sequence[str], int]
"""What one message says about one address: date, conversation, fields, tag, plus addresses, names, and how many of the
names, from the first on, are those under which the address itself wrote."""

Listed = TypeVar("Listed", list[Any], tuple[str, ...])

_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def chunk_of(address: str, chunks: int) -> int:
    """Return the chunk of an address. It depends only on the address and the number of chunks."""
    return crc32(address.encode("utf-8", "surrogatepass")) % chunks


def pack(messages: Iterable[Message], *, chunks: int, max_bytes: int) -> dict[int, list[str]]:
    """Return rows for each chunk that the messages say something about, each row at most `max_bytes` long.

    Rows are ASCII, so that bytes are characters. The limit drops only a name or address that is itself longer than a
    row: no mail system delivers to that address, and no person has that name.
    """
    entries: dict[int, list[Entry]] = {}
    for key, date, conversation, points, _, _ in messages:
        said: dict[int, Entry] = {}
        for point in points:
            chunk = chunk_of(point[0], chunks)
            if chunk in said:
                said[chunk][3].append(point)
            else:
                said[chunk] = [key.hex(), date, int(conversation), [point]]
        for chunk, entry in said.items():
            entries.setdefault(chunk, []).append(entry)
    return {chunk: rows for chunk, listed in entries.items() if (rows := _cut_rows(listed, max_bytes))}


def _cut_rows(entries: list[Entry], max_bytes: int) -> list[str]:
    """Return the entries as rows, halved until each one fits. All but hostile mail fits at once."""
    text = _encode(entries)
    if len(text) <= max_bytes:
        return [text]
    return [row for part in _halve_entries(entries) for row in _cut_rows(part, max_bytes)]


def _halve_entries(entries: list[Entry]) -> Iterable[list[Entry]]:
    """Return smaller lists that together say the same."""
    if len(entries) > 1:
        return _halve(entries)
    key, date, conversation, points = entries[0]
    parts = _halve(points) if len(points) > 1 else _halve_point(points[0])
    return [[[key, date, conversation, part]] for part in parts]


def _halve_point(point: Point) -> list[list[Point]]:
    """Return smaller points that together say the same, without a name or address that is too long by itself."""
    address, plus, names, fields, tag, signed = point
    if len(names) > 1:
        first, second = _halve(names)
        behind = max(signed - len(first), 0)
        return [
            [Point(address, plus, first, fields, tag, signed - behind)],
            [Point(address, (), second, fields, tag, behind)],
        ]
    if len(plus) > 1:
        early, late = _halve(plus)
        return [[Point(address, early, names, fields, tag, signed)], [Point(address, late, (), fields, tag)]]
    if names and plus:
        return [[Point(address, plus, (), fields, tag)], [Point(address, (), names, fields, tag, signed)]]
    return [[Point(address, (), (), fields, tag)]] if names or plus else []


def _halve(listed: Listed) -> tuple[Listed, Listed]:
    middle = len(listed) // 2
    return listed[:middle], listed[middle:]


def unpack(row: str) -> list[Message]:
    """Return what a row of `pack` says, message by message. It is not united with other rows."""
    return [
        Message(
            key=bytes.fromhex(key),
            date=date,
            conversation=bool(conversation),
            points=[Point(address, tuple(plus), tuple(names), *rest) for address, plus, names, *rest in points],
            unparsable=False,
        )
        for key, date, conversation, points in json.loads(row)
    ]


def unite(rows: Iterable[str]) -> dict[str, dict[str, Said]]:
    """Return for each address what each message says about it, by the message's key in hex.

    The order of the rows does not matter, nor does repeating them. The time is linear, even if all are of one message.
    """
    united: dict[str, dict[str, Said]] = {}
    copies: dict[tuple[str, str], list[Said]] = {}
    for row in rows:
        for key, date, conversation, points in json.loads(row):
            for address, plus, names, fields, tag, signed in points:
                said = (date, conversation, fields, tag, plus or (), names or (), signed)
                messages = united.get(address)
                if messages is None:
                    united[address] = {key: said}
                elif key in messages:
                    copies.setdefault((address, key), [messages[key]]).append(said)
                else:
                    messages[key] = said
    for (address, key), said_by_copies in copies.items():
        united[address][key] = unite_copies(said_by_copies)
    return united


def unite_copies(copies: Sequence[Said]) -> Said:
    """Return what the copies of a message together say about one address: all that any says, and the earliest date.

    Of several message tags, the first in the table wins, as it would if one copy had the headers of all.
    """
    conversation = fields = 0
    plus: set[str] = set()
    signed: set[str] = set()
    names: set[str] = set()
    for copy in copies:
        conversation |= copy[1]
        fields |= copy[2]
        plus.update(copy[4])
        names.update(copy[5])
        signed.update(copy[5][: copy[6]])
    return (
        min((copy[0] for copy in copies if copy[0] is not None), default=None),
        conversation,
        fields,
        min((copy[3] for copy in copies if copy[3]), default=NO_TAG),
        sorted(plus),
        [*sorted(signed), *sorted(names - signed)],
        len(signed),
    )
