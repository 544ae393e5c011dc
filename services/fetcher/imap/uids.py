"""Operations on sets of UIDs: what a search listed, minus what is done, split to fit into commands. Pure."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from schemas.uids import UidRanges


@dataclass(frozen=True)
class Listed:
    """The UIDs that a search found. With `joined`, it covered all messages, so no UIDs exist between them.

    Without `complete`, the server counts more messages than it listed.
    """

    uids: UidRanges
    joined: bool
    complete: bool = True

    def reach(self, uids: UidRanges) -> UidRanges:
        """Return the given UIDs, extended by the nonexistent UIDs directly before each of them.

        The given UIDs must be among these. Without `joined`, nothing is known about the gaps, so the given UIDs are
        returned unchanged.
        """
        if not self.joined:
            return uids
        return UidRanges((self._after_the_one_before(first), last) for first, last in uids.pairs())

    def _after_the_one_before(self, uid: int) -> int:
        at = bisect_left(self._ranges, (uid, uid))
        if at == len(self._ranges) or self._ranges[at][0] != uid:
            return uid
        return self._ranges[at - 1][1] + 1 if at else 1

    @cached_property
    def _ranges(self) -> list[tuple[int, int]]:
        return list(self.uids.pairs())


def subtract(uids: UidRanges, done: UidRanges) -> UidRanges:
    """Return the first set minus the second, computed on ranges without expanding either set into numbers."""
    kept: list[tuple[int, int]] = []
    holes = list(done.pairs())
    at = 0
    for first, last in uids.pairs():
        while at < len(holes) and holes[at][1] < first:
            at += 1
        for hole_first, hole_last in islice(holes, at, None):
            if hole_first > last:
                break
            if first < hole_first:
                kept.append((first, hole_first - 1))
            first = hole_last + 1
        if first <= last:
            kept.append((first, last))
    return UidRanges(kept)


def spread(uids: UidRanges) -> Iterator[int]:
    """Yield each number of a set in ascending order."""
    for first, last in uids.pairs():
        yield from range(first, last + 1)


def split_uids(uids: UidRanges, count: int, *, ranges: int) -> Iterator[UidRanges]:
    """Yield the set in ascending parts, each with at most `count` numbers in at most `ranges` ranges."""
    part: list[tuple[int, int]] = []
    room = count
    for first, last in uids.pairs():
        while first <= last:
            end = min(last, first + room - 1)
            part.append((first, end))
            room -= end - first + 1
            first = end + 1
            if room == 0 or len(part) == ranges:
                yield UidRanges(part)
                part, room = [], count
    if part:
        yield UidRanges(part)


def halves(uids: set[int]) -> Iterator[UidRanges]:
    """Yield the lower and the upper half of a set; none for an empty one, one for a single number."""
    ordered = sorted(uids)
    middle = (len(ordered) + 1) // 2
    for half in (ordered[:middle], ordered[middle:]):
        if half:
            yield UidRanges.of(half)
