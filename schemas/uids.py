"""Sets of IMAP message numbers (UIDs), in IMAP's notation: ``1:5,9``."""

from collections.abc import Iterable, Iterator
from typing import Self


class UidRanges:
    """An immutable set of positive integers, kept as sorted ranges that do not touch."""

    __slots__ = ("_ranges",)

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        """Merge inclusive (first, last) pairs; raise ValueError for a pair that is empty or starts below 1."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(ranges):
            if not 1 <= first <= last:
                raise ValueError(f"not a range of UIDs: {first}:{last}")
            if merged and first <= merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], max(merged[-1][1], last))
            else:
                merged.append((first, last))
        self._ranges = tuple(merged)

    @classmethod
    def of(cls, uids: Iterable[int]) -> Self:
        """Return the set of these numbers."""
        return cls((uid, uid) for uid in uids)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote; raise ValueError for anything else."""
        pairs = (part.partition(":") for part in text.split(",") if part)
        return cls((int(first), int(last or first)) for first, _, last in pairs)

    def __str__(self) -> str:
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self._ranges)

    def __repr__(self) -> str:
        return f"UidRanges.parse({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UidRanges) and self._ranges == other._ranges

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._ranges)

    def __or__(self, other: "UidRanges") -> "UidRanges":
        return UidRanges((*self._ranges, *other._ranges))

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield the inclusive (first, last) pairs in ascending order."""
        return iter(self._ranges)

    def without(self, uids: Iterable[int]) -> "UidRanges":
        """Return this set without the given numbers."""
        kept: list[tuple[int, int]] = []
        gone = iter(sorted(set(uids)))
        hole = next(gone, None)
        for first, last in self._ranges:
            while hole is not None and hole < first:
                hole = next(gone, None)
            while hole is not None and hole <= last:
                if first < hole:
                    kept.append((first, hole - 1))
                first = hole + 1
                hole = next(gone, None)
            if first <= last:
                kept.append((first, last))
        return UidRanges(kept)

    def missing(self, uids: Iterable[int]) -> list[int]:
        """Return the given numbers that are not in this set, in ascending order."""
        out: list[int] = []
        ranges = iter(self._ranges)
        current = next(ranges, None)
        for uid in sorted(set(uids)):
            while current is not None and current[1] < uid:
                current = next(ranges, None)
            if current is None or uid < current[0]:
                out.append(uid)
        return out
