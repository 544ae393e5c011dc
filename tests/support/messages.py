"""Hypothesis strategies for messages, with so few keys, addresses and names that copies are common."""

from functools import reduce
from operator import or_

from hypothesis import strategies as st

from processor.domain.facts import BCC, BODY, CC, FROM, LIST_POST, REPLY_TO, TO, TRANSACTIONAL, WROTE, Message, Point

ADDRESSES = (
    *("jane@acme.com", "bob@acme.com", "info@acme.com", "no-reply@acme.com", "newsletter@acme.com", "updates@acme.com"),
    *("jane@gmail.com", "jane@mailinator.com", "x@reply.airbnb.com", "dev@lists.example.org", "ann@example.net"),
)
NAMES = ("Jane Doe", "jane doe", "Doe, Jane", "Jané", "J. Doe", "Acme Newsletter", "\U0001f600 Jane", "Доу", "a\\b")

fields = st.lists(
    st.sampled_from((FROM, REPLY_TO, TO, CC, BCC, LIST_POST, BODY, TO | WROTE)), min_size=1, max_size=3
).map(lambda bits: reduce(or_, bits))
dates = st.none() | st.integers(min_value=-(10**9), max_value=2 * 10**9)
points = st.builds(
    lambda signed, **said: Point(**said, signed=min(signed, len(said["names"]))),
    address=st.sampled_from(ADDRESSES),
    plus=st.lists(st.sampled_from(("jane+a@acme.com", "jane+b@acme.com")), max_size=2, unique=True).map(tuple),
    names=st.lists(st.sampled_from(NAMES), max_size=3, unique=True).map(tuple),
    fields=fields,
    tag=st.integers(min_value=0, max_value=TRANSACTIONAL),
    signed=st.integers(min_value=0, max_value=3),
)
messages = st.builds(
    Message,
    key=st.integers(min_value=0, max_value=7).map(lambda number: number.to_bytes(16, "big")),
    date=dates,
    conversation=st.booleans(),
    points=st.lists(points, max_size=4, unique_by=lambda point: point.address),
    unparsable=st.just(False),
    unread_fields=st.just(0),
)
"""Two messages with the same key are copies of one message, and may say different things."""


def make_point(
    address: str = "jane@acme.com",
    fields: int = FROM,
    *,
    tag: int = 0,
    names: tuple[str, ...] = (),
    plus: tuple[str, ...] = (),
    signed: int = 0,
) -> Point:
    """Return a minimal point of contact."""
    return Point(address, plus, names, fields, tag, signed)


def make_message(key: int, *points: Point, date: int | None = None, conversation: bool = False) -> Message:
    """Return a minimal message; the same number gives the same key."""
    return Message(key.to_bytes(16, "big"), date, conversation, list(points), False)
