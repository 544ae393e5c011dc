"""Any bytes are read without an error, in linear time, into something that can be stored."""

import json
import random

import pytest

from processor.domain.mail.message import Message, read_message
from tests.support.corpus import edge_messages
from tests.support.growth import LINEAR, SMALLEST, growth
from tests.support.hostile import HOSTILE, nest, to


def read(raw: bytes, *, truncated: bool = False) -> Message:
    """Read a message of a user with one address."""
    own = frozenset({"me@example.org"})
    return read_message(raw, own=own, latest=1 << 40, with_text=True, truncated=truncated)


def check_storable(message: Message) -> None:
    """Assert that a message can be stored: as JSON, in UTF-8, without NUL, and within the limits."""
    stored = json.dumps([list(point) for point in message.points], ensure_ascii=False)

    assert len(message.key) == 16
    assert stored.encode("utf-8")
    assert "\\u0000" not in stored
    assert all(len(point.address) <= 254 and point.fields for point in message.points)
    assert all(0 < len(name) <= 256 for point in message.points for name in point.names)


@pytest.mark.parametrize("truncated", [False, True])
def test_edge_messages(truncated: bool) -> None:
    """Every malformed message is read into something that can be stored, and few are unparsable."""
    messages = [read(raw, truncated=truncated) for _, raw in edge_messages()]

    for message in messages:
        check_storable(message)
    assert len(messages) == 587
    assert sum(message.unparsable for message in messages) < 20


def test_every_cut_of_edge_messages() -> None:
    """A message is read wherever it is cut off."""
    for _, raw in edge_messages():
        for end in range(0, len(raw), max(len(raw) // 7, 1)):
            check_storable(read(raw[:end], truncated=True))


def test_noise() -> None:
    """Noise is read, and each one has a different key."""
    chance = random.Random(20261124)
    alphabets = (bytes(range(256)), b"\r\n\t :;,<>@\"'()=?&-_.ab\0\xff", b'To: <a@b.com>\r\n"(=?=')

    noise = [bytes(chance.choices(alphabet, k=chance.randrange(1, 2000))) for alphabet in alphabets for _ in range(300)]
    messages = [read(b"To: " + raw) if number % 2 else read(raw) for number, raw in enumerate(noise)]

    for message in messages:
        check_storable(message)
    assert len({message.key for message in messages}) > 850


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_mail_takes_linear_time(case: str) -> None:
    """Twice as much mail takes about twice as long, and what it says can be stored."""
    make = HOSTILE[case]

    assert growth(read, make) < LINEAR
    for truncated in (False, True):
        check_storable(read(make(SMALLEST), truncated=truncated))


def test_large_header() -> None:
    """A header of 10 MB is read to its end."""
    raw = b"Subject: " + b"x" * 10_000_000 + b"\r\nTo: jane@acme.com\r\n\r\n"

    message = read(raw)

    assert [point.address for point in message.points] == ["jane@acme.com"]


def test_many_recipients() -> None:
    """Each of 100,000 recipients is a point of contact."""
    raw = to(b", ".join(b"Jane Doe <jane%d@acme.com>" % number for number in range(100_000)))

    message = read(raw)

    assert len({point.address for point in message.points}) == 100_000


def test_nested_parts() -> None:
    """The texts of 10,000 nested parts are read, including the innermost."""
    raw = nest(10_000) + b"\nContent-Type: text/plain\n\nto jane@acme.com"

    message = read(raw)

    assert {point.address for point in message.points} == {"a@b.com", "x@example.com", "jane@acme.com"}


@pytest.mark.parametrize(
    "name", ["nonsense", "hex", "rot13", "punycode", "idna", "unicode_escape", "..", "utf-16", "\xff", ""]
)
def test_wrong_charsets(name: str) -> None:
    """With any declared charset, ASCII text is read and nothing warns."""
    charset = name.encode("latin-1")
    raw = b"From: =?%s?Q?Jane?= <jane@acme.com>\r\nContent-Type: text/plain; charset=%s\r\n\r\nbob@acme.com \xff\\N{x}"

    message = read(raw % (charset, charset))

    check_storable(message)
    assert "jane@acme.com" in {point.address for point in message.points}
    assert name == "utf-16" or "bob@acme.com" in {point.address for point in message.points}


def test_names_hold_no_surrogates_or_controls() -> None:
    """Control characters and lone surrogates in a name become spaces."""
    raw = b"From: =?utf-7?Q?Ja+2AA-ne?= =?utf-8?Q?_D=00=07oe?= <jane@acme.com>\r\n\r\n"

    message = read(raw)

    check_storable(message)
    assert message.points[0].names == ("Ja ne D oe",)


def test_unparsable() -> None:
    """Bytes without a header line have only a key of their own."""
    first, second, empty = read(b"no header\r\n\r\njane@acme.com"), read(b"\x00\x01\x02"), read(b"")

    assert [message.unparsable for message in (first, second, empty)] == [True, True, True]
    assert not first.points
    assert len({first.key, second.key, empty.key}) == 3
