"""Bars beside their numbers."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: what it is about, how long it is in percent of the longest, and where it leads, if anywhere."""

    label: str
    count: int
    share: float
    href: str = ""


def bars(counts: Iterable[tuple[str, int, str]]) -> list[Bar]:
    """Return a bar for each label, count and link; the longest bar takes all the room."""
    rows = list(counts)
    most = max((count for _, count, _ in rows), default=0)
    return [Bar(label, count, 100 * count / most if most else 0, href) for label, count, href in rows]
