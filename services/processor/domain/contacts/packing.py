"""Packing: what messages say about addresses, as rows of JSON; and uniting the rows over all copies of a message.

A row is ``[[key, date|null, conversation, [[address, [plus...], [names...], fields, tag], ...]], ...]``. A message can
be in several entries and rows. Everything that they say about one address in one message is united, in any order.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar
from zlib import crc32

from processor.domain.facts import Message, Point

Entry = list[Any]
"""What a row says about one message: key in hex, date, conversation (0 or 1), points."""

Said = tuple[int | None, int, int, int, Sequence[str], Sequence[str]]
"""What one message says about one address: date, conversation, fields, tag, plus addresses, names."""

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
    for key, date, conversation, points, _ in messages:
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
    address, plus, names, fields, tag = point
    if len(names) > 1:
        first, second = _halve(names)
        return [[Point(address, plus, first, fields, tag)], [Point(address, (), second, fields, tag)]]
    if len(plus) > 1:
        first, second = _halve(plus)
        return [[Point(address, first, names, fields, tag)], [Point(address, second, (), fields, tag)]]
    if names and plus:
        return [[Point(address, plus, (), fields, tag)], [Point(address, (), names, fields, tag)]]
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

    The order of the rows does not matter, nor does repeating them.
    """
    united: dict[str, dict[str, Said]] = {}
    for row in rows:
        for key, date, conversation, points in json.loads(row):
            for address, plus, names, fields, tag in points:
                said = (date, conversation, fields, tag, plus or (), names or ())
                messages = united.get(address)
                if messages is None:
                    united[address] = {key: said}
                elif key in messages:
                    messages[key] = unite_copies(messages[key], said)
                else:
                    messages[key] = said
    return united


def unite_copies(one: Said, other: Said) -> Said:
    """Return what two copies of a message together say about one address: all that either says, and the earlier date.

    Of two message tags, the first in the table wins, as it would if one copy had the headers of both.
    """
    dates = [date for date in (one[0], other[0]) if date is not None]
    return (
        min(dates, default=None),
        one[1] | other[1],
        one[2] | other[2],
        min(one[3], other[3]) or max(one[3], other[3]),
        sorted({*one[4], *other[4]}),
        sorted({*one[5], *other[5]}),
    )
