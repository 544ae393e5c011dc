"""UID sets behave like sets and can be written and read back."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.uids import UidRanges

UIDS = st.sets(st.integers(1, 60))


def members(ranges: UidRanges) -> set[int]:
    return {uid for first, last in ranges.pairs() for uid in range(first, last + 1)}


@given(UIDS)
def test_holds_exactly_what_it_was_made_of(uids: set[int]) -> None:
    """A set of UIDs has the members and the length of the numbers it was made from."""
    ranges = UidRanges.of(uids)

    assert members(ranges) == uids
    assert len(ranges) == len(uids)


@given(UIDS)
def test_reads_what_it_wrote(uids: set[int]) -> None:
    """Parsing a set's text gives the same set."""
    ranges = UidRanges.of(uids)

    assert UidRanges.parse(str(ranges)) == ranges


@given(UIDS, UIDS)
def test_unites_like_a_set(left: set[int], right: set[int]) -> None:
    """The union is the union of sets, in either order."""
    united = UidRanges.of(left) | UidRanges.of(right)

    assert members(united) == left | right
    assert united == UidRanges.of(right) | UidRanges.of(left)


@given(UIDS, UIDS)
def test_takes_away_like_a_set(left: set[int], right: set[int]) -> None:
    """`without` is the set difference, and `missing` is the difference the other way, in order."""
    ranges = UidRanges.of(left)

    assert members(ranges.without(right)) == left - right
    assert ranges.missing(right) == sorted(right - left)


@given(UIDS)
def test_never_keeps_ranges_that_touch(uids: set[int]) -> None:
    """Adjacent ranges are always joined, so equal sets have equal texts."""
    pairs = list(UidRanges.of(uids).pairs())

    assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(pairs))


@pytest.mark.parametrize("text", ["0", "5:3", "a", "1:b", "-1"])
def test_refuses_what_is_no_range(text: str) -> None:
    """Text that IMAP would not write raises ValueError."""
    with pytest.raises(ValueError):
        UidRanges.parse(text)
