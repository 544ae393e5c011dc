"""Which characters beyond ASCII host names may have, and what they are mapped to: idna.txt, read when first needed."""

import unicodedata
from bisect import bisect_right
from functools import lru_cache
from typing import Final

from processor.domain.data.lists import read_entries

NOT_ALLOWED: Final = "\ufffd"
"""What a character that is not allowed is mapped to."""
_ASCII: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-.")


def map_character(code_point: int) -> str:
    """Return what a character beyond ASCII becomes in a host name: itself, others, nothing, or `NOT_ALLOWED`."""
    mapped = _look_up(code_point)
    if mapped is not None:
        return mapped
    folded = unicodedata.normalize("NFKC", chr(code_point)).casefold()
    mapped = unicodedata.normalize("NFKC", folded)
    return mapped if all(_is_allowed(character) for character in mapped) else NOT_ALLOWED


def _is_allowed(character: str) -> bool:
    return character in _ASCII or _look_up(ord(character)) == character


def _look_up(code_point: int) -> str | None:
    """Return what the table maps a character to, or None if it does not have it."""
    starts, ends, targets = _read_table()
    at = bisect_right(starts, code_point) - 1
    if at < 0 or code_point > ends[at]:
        return None
    target = targets[at]
    return chr(code_point) if target is None else target


@lru_cache(maxsize=1)
def _read_table() -> tuple[list[int], list[int], list[str | None]]:
    starts, ends, targets = [], [], []
    for entry in read_entries("idna.txt"):
        span, _, target = entry.partition(" ")
        start, _, end = span.partition("-")
        starts.append(int(start, 16))
        ends.append(int(end or start, 16))
        targets.append(_read_target(target))
    return starts, ends, targets


def _read_target(target: str) -> str | None:
    if target in ("", "-", "!"):
        return {"": None, "-": "", "!": NOT_ALLOWED}[target]
    return "".join(chr(int(code_point, 16)) for code_point in target.split("+"))
