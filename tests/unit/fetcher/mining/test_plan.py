"""How UIDs become segments, and which UIDs a watermark can cover."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.imap.uids import Listed, split_uids, spread, subtract
from fetcher.mining.plan import choose_chunks, choose_messages, plan_folder
from schemas.scope import Scope
from schemas.segments import MAX_BYTES, MAX_MESSAGES, MESSAGE_CAP_BYTES, TEXT_CAP_BYTES, PlannedFolder
from schemas.uids import UidRanges

UIDS = st.sets(st.integers(1, 400), max_size=300)
SIZES = st.integers(0, 2 * MESSAGE_CAP_BYTES)


@st.composite
def plans(draw: st.DrawFn) -> tuple[set[int], set[int], dict[int, float], PlannedFolder]:
    """Draw the listed UIDs, those done before, the sizes (of headers, a third of the whole), and the plan."""
    listed = draw(UIDS)
    done = draw(st.sets(st.sampled_from(sorted(listed)), max_size=len(listed))) if listed else set()
    scope = draw(st.sampled_from(Scope))
    new = sorted(listed - done)
    sizes = {uid: draw(SIZES) for uid in new}
    found = Listed(UidRanges.of(listed), joined=draw(st.booleans()))
    messages = choose_messages(len(new))
    plan = plan_folder(
        "INBOX", draw(st.sampled_from([0, 7])), listed=found, sizes=sizes.items(), scope=scope, messages=messages
    )
    share = 3 if scope is Scope.HEADERS else 1
    return listed, done, {uid: min(size, scope.cap_bytes) / share for uid, size in sizes.items()}, plan


@given(plans())
def test_segments_partition_what_is_new(drawn: tuple[set[int], set[int], dict[int, float], PlannedFolder]) -> None:
    """Every new UID is in exactly one segment, and the segments are in ascending order."""
    listed, done, _, plan = drawn

    fetched = [uid for segment in plan.segments for uid in spread(segment.uids)]

    assert fetched == sorted(listed - done)


@given(plans())
def test_segments_keep_the_limits(drawn: tuple[set[int], set[int], dict[int, float], PlannedFolder]) -> None:
    """No segment has too many messages, or too many bytes unless it has only one message."""
    _, _, sizes, plan = drawn

    for segment in plan.segments:
        messages = list(spread(segment.uids))
        assert 1 <= len(messages) <= MAX_MESSAGES
        assert len(messages) == 1 or sum(sizes[uid] for uid in messages) <= MAX_BYTES


@given(plans())
def test_covers_say_what_is_true(drawn: tuple[set[int], set[int], dict[int, float], PlannedFolder]) -> None:
    """With a UIDVALIDITY, a segment covers its own UIDs and otherwise only UIDs that were not listed."""
    listed, _, _, plan = drawn

    for segment in plan.segments:
        covered, own = set(spread(segment.covers)), set(spread(segment.uids))
        if plan.uidvalidity == 0:
            assert not covered
        else:
            assert own <= covered
            assert not (covered - own) & listed


@given(UIDS)
def test_a_whole_folder_is_one_range(uids: set[int]) -> None:
    """Together, the segments of an unfiltered search cover everything up to the last UID, as a single range."""
    found = Listed(UidRanges.of(uids), joined=True)

    plan = plan_folder("INBOX", 7, listed=found, sizes=((uid, 1000) for uid in sorted(uids)), scope=Scope.TEXT)

    covered = UidRanges(pair for segment in plan.segments for pair in segment.covers.pairs())
    assert covered == (UidRanges([(1, max(uids))]) if uids else UidRanges())


def test_a_filtered_search_covers_exactly_what_it_found() -> None:
    """With `--since`, UIDs between those found are not covered, because they may be older mail."""
    found = Listed(UidRanges.parse("5,9"), joined=False)

    plan = plan_folder("INBOX", 7, listed=found, sizes=[(5, 10), (9, 10)], scope=Scope.TEXT)

    assert [str(segment.covers) for segment in plan.segments] == ["5,9"]


def test_new_mail_joins_the_watermark() -> None:
    """UIDs that were expunged between old and new mail are covered with the new mail, so that the ranges join."""
    found = Listed(UidRanges.parse("1:10,14:15"), joined=True)

    plan = plan_folder("INBOX", 7, listed=found, sizes=[(14, 10), (15, 10)], scope=Scope.TEXT)

    assert str(UidRanges.parse("1:10") | plan.segments[0].covers) == "1:15"


@given(UIDS, UIDS)
def test_subtract(uids: set[int], done: set[int]) -> None:
    """Subtracting ranges gives the same result as subtracting sets."""
    assert subtract(UidRanges.of(uids), UidRanges.of(done)) == UidRanges.of(uids - done)


def test_subtract_many_holes() -> None:
    """Subtraction is linear: a hundred thousand holes in one range take no noticeable time."""
    holes = UidRanges.of(range(2, 200_000, 2))

    left = subtract(UidRanges([(1, 200_000)]), holes)

    assert len(left) == 200_000 - len(holes)


@given(UIDS, st.integers(1, 50), st.integers(1, 10))
def test_split_uids(uids: set[int], count: int, ranges: int) -> None:
    """The parts together are the whole set, in order, and none has too many numbers or ranges."""
    parts = list(split_uids(UidRanges.of(uids), count, ranges=ranges))

    assert [uid for part in parts for uid in spread(part)] == sorted(uids)
    assert all(1 <= len(part) <= count and len(list(part.pairs())) <= ranges for part in parts)


def test_chunks() -> None:
    """An ordinary mailbox has 16 chunks; a very large one has a larger power of two."""
    assert [choose_chunks(messages) for messages in (0, 250_000, 250_001, 500_001, 1_000_000)] == [16, 16, 32, 64, 64]


def test_segments_of_headers_have_more_messages() -> None:
    """In scope `headers`, mail of 20 KB fills segments by its number, not by its size, of which little is read."""
    found = Listed(UidRanges([(1, 2_000)]), joined=True)
    sizes = [(uid, 20_000) for uid in range(1, 2_001)]

    counts = {
        scope: [len(segment.uids) for segment in planned.segments]
        for scope in (Scope.HEADERS, Scope.TEXT)
        for planned in [plan_folder("INBOX", 7, listed=found, sizes=sizes, scope=scope, messages=MAX_MESSAGES)]
    }

    assert counts[Scope.HEADERS] == [500] * 4
    assert max(counts[Scope.TEXT]) == MAX_BYTES // 20_000


def test_caps() -> None:
    """Each scope has a cap on what it reads of a message."""
    assert {scope.value: scope.cap_bytes for scope in Scope} == {
        "headers": MESSAGE_CAP_BYTES,
        "text": TEXT_CAP_BYTES,
        "full": MESSAGE_CAP_BYTES,
    }


@pytest.mark.parametrize(("wanted", "messages"), [(0, 200), (2_400, 200), (4_800, 400), (6_000, 500), (1_000_000, 500)])
def test_large_folders_have_larger_segments(wanted: int, messages: int) -> None:
    """A folder has a dozen segments, unless the limits on their size say otherwise."""
    assert choose_messages(wanted) == messages
