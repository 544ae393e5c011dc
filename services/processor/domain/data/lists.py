"""Lists in files beside this module: sorted, one entry per line, under a header of `#` lines with source and date."""

from bisect import bisect_right
from pathlib import Path
from typing import Final

LINE_ENTRIES: Final = 12
"""Entries kept as one string. So many take an eighth of the memory of a set and cost a look-up little."""


class SortedList:
    """A list of names that do not hold blanks. It answers whether it has a name, in a few microseconds at most."""

    def __init__(self, name: str) -> None:
        """Read the file `name`; its entries are in byte order."""
        entries = read_entries(name)
        self._lines = [" ".join(entries[at : at + LINE_ENTRIES]) for at in range(0, len(entries), LINE_ENTRIES)]

    def __contains__(self, name: str) -> bool:
        """Find the line by bisection.

        An exclamation mark sorts after the blank that ends a line's first entry, and before all that names are made of.
        """
        line = bisect_right(self._lines, name + "!") - 1
        return line >= 0 and name in self._lines[line] and name in self._lines[line].split()


def read_entries(name: str) -> list[str]:
    """Return the entries of the file `name` in their order."""
    text = Path(__file__).with_name(name).read_text("ascii")
    return [line for line in text.splitlines() if not line.startswith("#")]
