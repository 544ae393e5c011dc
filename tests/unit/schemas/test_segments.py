"""Segments and plans are read completely or refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.segments import (
    Plan,
    PlannedFolder,
    PlannedSegment,
    Segment,
    StoredMessage,
    UnreadableSegment,
    folder_digest,
    is_mining,
    segment_key,
)
from schemas.uids import UidRanges

BODIES = st.lists(st.binary(max_size=50), max_size=6)


def make_segment(bodies: list[bytes]) -> Segment:
    messages = tuple(StoredMessage(uid, len(body), 1_600_000_000, uid % 2 == 0) for uid, body in enumerate(bodies, 1))
    return Segment(folder_digest("INBOX"), 7, UidRanges([(1, 9)]), messages)


@given(BODIES)
def test_a_segment_gives_back_its_messages(bodies: list[bytes]) -> None:
    """Head and bytes come back as stored, whatever the bytes."""
    segment = make_segment(bodies)

    head, body = Segment.decode(segment.encode(bodies))

    assert head == segment
    assert [(message.uid, raw) for message, raw in head.bodies(body)] == list(enumerate(bodies, 1))


@given(BODIES, st.data())
def test_a_torn_segment_is_unreadable(bodies: list[bytes], data: st.DataObject) -> None:
    """A segment with a missing end is refused."""
    whole = make_segment(bodies).encode(bodies)
    end = data.draw(st.integers(0, len(whole) - 1))

    with pytest.raises(UnreadableSegment):
        Segment.decode(whole[:end])


@given(st.binary())
def test_noise_is_unreadable(noise: bytes) -> None:
    """Noise raises only UnreadableSegment, whose text is one word."""
    with pytest.raises(UnreadableSegment) as caught:
        Segment.decode(noise)

    assert str(caught.value).isalpha()


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
HEADS = st.fixed_dictionaries(
    {
        "v": st.just(1),
        "folder": VALUES,
        "uidvalidity": VALUES | st.just(7),
        "covers": VALUES | st.just("1:2"),
        "messages": st.lists(st.lists(VALUES, min_size=4, max_size=4), max_size=3) | VALUES,
    }
)


@given(HEADS, st.binary(max_size=5))
def test_a_head_of_other_values_is_unreadable_or_whole(head: dict[str, object], body: bytes) -> None:
    """Whatever a head contains, it is refused with that one error or its lengths match the bytes."""
    try:
        segment, rest = Segment.decode(json.dumps(head).encode() + b"\n" + body)
    except UnreadableSegment:
        return

    assert b"".join(raw for _, raw in segment.bodies(rest)) == body


def test_a_head_nested_without_end_is_unreadable() -> None:
    """A head nested too deeply to parse is refused like any other noise."""
    for read in (Segment.decode, Plan.decode):
        with pytest.raises(UnreadableSegment):
            read(b"[" * 100_000 + b"\n")


def test_lengths_must_be_those_of_the_bodies() -> None:
    """A head with wrong lengths is not written."""
    with pytest.raises(ValueError, match="lengths"):
        make_segment([b"a"]).encode([b"ab"])


def test_a_plan_gives_back_its_folders() -> None:
    """A plan comes back as stored, and counts the messages that it lists."""
    inbox = PlannedFolder("INBOX", 7, (PlannedSegment(UidRanges.parse("1:3,9"), UidRanges.parse("1:9")),))
    lost = PlannedFolder("Entwürfe &", failed="refused")
    plan = Plan((inbox, lost))

    read = Plan.decode(plan.encode())

    assert read == plan
    assert read.listed == 4
    assert inbox.segment_name(inbox.segments[0]) == f"{folder_digest('INBOX')}/7/1-9"


@given(st.binary())
def test_noise_is_no_plan(noise: bytes) -> None:
    """Noise raises only UnreadableSegment."""
    with pytest.raises(UnreadableSegment):
        Plan.decode(noise)


def test_keys_hold_no_folder_name() -> None:
    """A key does not reveal the folder's name, and is short enough for every store."""
    name = PlannedFolder("Clients/Doe & Sons", 4_294_967_295, ()).segment_name(
        PlannedSegment(UidRanges.parse("4294967294:4294967295"), UidRanges())
    )

    key = segment_key("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", name)

    assert "Doe" not in key
    assert len(key) < 128


def test_a_minings_id_is_told_from_other_names() -> None:
    """Other things in a folder or bucket are not taken for a mining."""
    names = ("6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "lost+found", "photos", "plan", "", "6F9619FF", "x" * 36)

    assert [name for name in names if is_mining(name)] == ["6f9619ff-8b86-4d01-b42d-00cf4fc964ff"]
