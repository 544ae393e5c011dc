"""Parsing FETCH answers."""

import imaplib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.imap.responses import Fetched, Pieces, parse_messages, parse_sizes

DATE = b'INTERNALDATE "17-Jul-1996 02:44:25 -0700"'
SECONDS = 837_596_665


def test_the_usual_answer() -> None:
    """UID, size, internal date in UTC and body are parsed in any order."""
    pieces: Pieces = [
        (b"1 (UID 7 RFC822.SIZE 90 " + DATE + b" BODY[]<0> {3}", b"abc"),
        b")",
        (b'2 (INTERNALDATE " 1-jan-1970 00:00:00 +0000" BODY[HEADER] {2}', b"de"),
        b" RFC822.SIZE 2 FLAGS (\\Seen) UID 9)",
        b"3 (FLAGS (\\Seen) UID 11)",
    ]

    assert list(parse_messages(pieces)) == [Fetched(7, 90, SECONDS, b"abc"), Fetched(9, 2, 0, b"de")]


def test_bodies_that_are_no_literals() -> None:
    """A body can be a quoted string; a NIL body, as for a message that was just expunged, counts as none."""
    pieces: Pieces = [
        b'1 (UID 7 RFC822.SIZE 0 BODY[]<0> "")',
        b'2 (UID 8 RFC822.SIZE 2 BODY[]<0> "a b" ' + DATE + b")",
        b"3 (UID 9 BODY[]<0> NIL)",
        (b"4 (UID 10 BODY[]<0> {2}", b"xy"),
        b")",
    ]

    assert list(parse_messages(pieces)) == [
        Fetched(7, 0, None, b""),
        Fetched(8, 2, SECONDS, b"a b"),
        Fetched(10, None, None, b"xy"),
    ]


@pytest.mark.parametrize("moment", [b"31-Foo-1996 02:44:25 -0700", b"01-Jan-0000 00:00:00 +0000", b"yesterday"])
def test_an_internal_date_that_is_none(moment: bytes) -> None:
    """An invalid date becomes None, and the message is still read."""
    pieces: Pieces = [(b'1 (UID 7 INTERNALDATE "' + moment + b'" BODY[]<0> {1}', b"a"), b")"]

    assert list(parse_messages(pieces)) == [Fetched(7, None, None, b"a")]


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_bodies_are_not_looked_into(bodies: list[bytes]) -> None:
    """A body is returned unchanged, even if it looks like an answer."""
    pieces: list[bytes | tuple[bytes, bytes] | None] = []
    for uid, body in enumerate(bodies, start=1):
        pieces += [(b"%d (UID %d BODY[]<0> {%d}" % (uid, uid, len(body)), body), b")"]

    assert [(each.uid, each.body) for each in parse_messages(pieces)] == list(enumerate(bodies, start=1))


WORDS = st.sampled_from(
    [b"1 (", b"UID 7", b"RFC822.SIZE x", b"BODY[]<0>", b"BODY", b"(", b")", b'"', b"NIL", b"{1}", b"{x}", b"\xff", b"["]
)
LINES = st.lists(WORDS, max_size=8).map(b" ".join)


@given(st.lists(LINES | st.tuples(LINES, st.binary(max_size=2)), max_size=6))
def test_noise(pieces: list[bytes | tuple[bytes, bytes]]) -> None:
    """Random input gives messages or imaplib's error, and nothing else."""
    try:
        messages = list(parse_messages(pieces))
    except imaplib.IMAP4.error:
        messages = []

    assert all(isinstance(each.body, bytes) for each in messages)


def test_sizes() -> None:
    """Sizes are parsed line by line, and unsolicited lines are left out."""
    pieces: Pieces = [b"1 (UID 7 RFC822.SIZE 90)", b"2 (FLAGS (\\Seen))", b"3 (RFC822.SIZE 5 UID 8)", None]

    assert list(parse_sizes(pieces)) == [(7, 90), (8, 5)]
