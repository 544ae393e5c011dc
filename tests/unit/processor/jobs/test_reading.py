"""A segment is read completely, or fails with a reason of the ledger."""

from dataclasses import replace

import pytest

from processor.jobs.reading import SegmentFailed, read_segment, undated_from
from schemas.ledger import Dead
from schemas.minings import Settings
from schemas.segments import Segment, StoredMessage
from schemas.uids import UidRanges
from tests.support.stack import mail

SETTINGS = Settings(
    address="me@example.org",
    folders=None,
    since=None,
    scope="text",
    as_of="2026-01-31",
    chunks=4,
    full=False,
    own=("me@example.org",),
)


def make_segment(*bodies: bytes) -> bytes:
    messages = tuple(StoredMessage(uid, len(body)) for uid, body in enumerate(bodies, 1))
    return Segment("0123456789abcdef", 7, UidRanges(), messages).encode(bodies)


def test_messages_come_in_their_order() -> None:
    """Every stored message is read, with its people but without the user."""
    head, messages = read_segment(make_segment(mail(1), mail(2, sender="bob@acme.com")), SETTINGS)

    assert len(head.messages) == 2
    assert [[point.address for point in message.points] for message in messages] == [
        ["jane@acme.com"],
        ["bob@acme.com"],
    ]


def test_texts_are_read_in_scopes_that_have_them() -> None:
    """Texts are read only if the mining's scope includes them."""
    data = make_segment(mail(1) + b"ask bob@acme.com\r\n")

    _, [with_text] = read_segment(data, SETTINGS)
    _, [headers_only] = read_segment(data, replace(SETTINGS, scope="headers"))

    assert [point.address for point in with_text.points] == ["jane@acme.com", "bob@acme.com"]
    assert [point.address for point in headers_only.points] == ["jane@acme.com"]


@pytest.mark.parametrize("data", [b"", b"{}\n", make_segment(mail(1))[:-1]])
def test_a_torn_segment_is_unreadable(data: bytes) -> None:
    """A torn segment fails with the ledger's reason `unreadable`."""
    with pytest.raises(SegmentFailed) as caught:
        read_segment(data, SETTINGS)

    assert caught.value.reason is Dead.UNREADABLE


def test_the_servers_date_stands_in() -> None:
    """The date at which the server received a message replaces a missing or impossible Date, if it is possible."""
    body = b"Message-ID: <1@acme.com>\r\nDate: Thu, 01 Jan 1970 00:00:00 +0000\r\nFrom: jane@acme.com\r\n\r\n"
    dates = (1_767_600_000, 0, 4_102_444_800, None)
    messages = tuple(StoredMessage(uid, len(body), date) for uid, date in enumerate(dates, 1))

    _, read = read_segment(Segment("0123456789abcdef", 7, UidRanges(), messages).encode([body] * 4), SETTINGS)

    assert [message.date for message in read] == [1_767_600_000, None, None, None]


def test_dates_count_until_a_day_after_the_reference() -> None:
    """A date on the day after the reference date (UTC) still counts; a later one does not."""
    first_undated = undated_from("2026-01-31")

    assert first_undated == 1_769_990_400  # 2026-02-02T00:00:00Z
