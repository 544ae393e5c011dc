"""Host names beyond ASCII: their A-labels by IDNA 2008 (RFC 5890 to 5893) with the mapping of UTS 46.

The standard library's codec `idna` follows IDNA 2003, which gives `straße.example` to the owner of `strasse.example`.
"""

import re
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from processor.domain.data.characters import NOT_ALLOWED, map_character

MAX_HOST: Final = 253
MAX_LABEL: Final = 63
_PREFIX: Final = "xn--"
_BASE, _TMIN, _TMAX, _SKEW, _DAMP, _BIAS, _FIRST = 36, 1, 26, 38, 700, 72, 128
"""The parameters of Punycode, RFC 3492, 5."""
_DIGITS: Final = "abcdefghijklmnopqrstuvwxyz0123456789"
_HYPHENS: Final = re.compile(r"-|..--|.*-\Z", re.DOTALL)

_IN_CONTEXT: Final = re.compile("[\u00b7\u0375\u05f3\u05f4\u30fb\u0660-\u0669\u06f0-\u06f9]")
_OUT_OF_CONTEXT: Final = re.compile(
    "(?<!l)\u00b7|\u00b7(?!l)"
    "|\u0375(?![\u0370-\u03e1\u03f0-\u03ff\u1f00-\u1fff])"
    "|(?<![\u0591-\u05f4])[\u05f3\u05f4]"
    "|^[^\u3005\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\U0001b000-\U0001b167\U00020000-\U00033479]*$"
)
"""What RFC 5892, appendix A, forbids: each of these characters is allowed only beside those of its script."""
_DIGITS_OF_BOTH: Final = (re.compile("[\u0660-\u0669]"), re.compile("[\u06f0-\u06f9]"))
_FIRST_RTL: Final = "\u0590"
"""No character before this one is written from right to left."""
_RTL: Final = frozenset(("R", "AL", "AN"))
_IN_RTL: Final = _RTL | {"EN", "ES", "CS", "ET", "ON", "BN", "NSM"}
_LAST_IN_RTL: Final = _RTL | {"EN"}


def to_a_labels(host: str) -> str | None:
    """Return a host name in lower case with A-labels, or None if it cannot be one. ASCII labels are not judged."""
    mapped = host.translate(_MAPPING) if len(host) <= MAX_HOST else NOT_ALLOWED
    if NOT_ALLOWED in mapped:
        return None
    labels = unicodedata.normalize("NFC", mapped).split(".")
    encoded = [label if label.isascii() else _encode(label) for label in labels]
    return ".".join(encoded) if "" not in encoded else None


def is_word(text: str) -> bool:
    """Return whether all characters beyond ASCII in a lower-cased text are letters, digits, or marks on them."""
    return all(character < "\x80" or _MAPPING[ord(character)] == character != NOT_ALLOWED for character in text)


class _Mapping(dict[int, str]):
    """What characters are mapped to: ASCII to lower case, and those that were met, up to a few thousand."""

    def __missing__(self, code_point: int) -> str:
        mapped = map_character(code_point)
        if len(self) < _REMEMBERED_CHARACTERS:
            self[code_point] = mapped
        return mapped


_REMEMBERED_CHARACTERS: Final = 4096
_MAPPING: Final = _Mapping({code_point: chr(code_point).lower() for code_point in range(128)})


@lru_cache(maxsize=512)
def _encode(label: str) -> str:
    """Return a mapped label as an A-label, or an empty text if it is not valid or too long."""
    if len(label) > MAX_LABEL - len(_PREFIX) or _HYPHENS.match(label) or unicodedata.category(label[0])[0] == "M":
        return ""
    if _IN_CONTEXT.search(label) and not _fits_context(label):
        return ""
    if max(label) >= _FIRST_RTL and not _fits_direction([unicodedata.bidirectional(character) for character in label]):
        return ""
    encoded = _PREFIX + encode_punycode(label)
    return encoded if len(encoded) <= MAX_LABEL else ""


def _fits_context(label: str) -> bool:
    if "\u30fb" not in label:
        label += "\u3007"
    return not _OUT_OF_CONTEXT.search(label) and not all(digits.search(label) for digits in _DIGITS_OF_BOTH)


def _fits_direction(directions: Sequence[str]) -> bool:
    """Return whether a label obeys RFC 5893, 2: as a whole it reads in one direction.

    A direction is empty if this Python's Unicode is older than the character; that counts as left to right.
    """
    if not _RTL.intersection(directions):
        return True
    marked = [direction for direction in directions if direction != "NSM"]
    if directions[0] in ("R", "AL"):
        return _IN_RTL.issuperset(directions) and marked[-1] in _LAST_IN_RTL and not {"AN", "EN"} <= set(directions)
    return False


def encode_punycode(label: str) -> str:
    """Return a label in Punycode, RFC 3492. Takes about as many steps as it has characters.

    Characters are inserted in the order of their code points. What is written is how far to go from one to the next,
    counted in all places where each possible character could have been inserted before.
    """
    placed = [at for at, character in enumerate(label) if character < "\x80"]
    basic = len(placed)
    out = ["".join([label[at] for at in placed]), "-" if placed else ""]
    code, place, bias = _FIRST, 0, _BIAS
    for following, at in sorted([(ord(character), at) for at, character in enumerate(label) if character >= "\x80"]):
        index = bisect_left(placed, at)
        distance = (following - code) * (len(placed) + 1) + index - place
        out.append(_encode_number(distance, bias))
        insort(placed, at)
        bias = _adapt(distance, len(placed), first=len(placed) == basic + 1)
        code, place = following, index + 1
    return "".join(out)


def _encode_number(number: int, bias: int) -> str:
    digits, weight = "", _BASE
    while True:
        threshold = weight - bias
        threshold = _TMIN if threshold < _TMIN else _TMAX if threshold > _TMAX else threshold
        if number < threshold:
            return digits + _DIGITS[number]
        number, digit = divmod(number - threshold, _BASE - threshold)
        digits += _DIGITS[threshold + digit]
        weight += _BASE


def _adapt(distance: int, points: int, *, first: bool) -> int:
    distance = distance // _DAMP if first else distance // 2
    distance += distance // points
    steps = 0
    while distance > (_BASE - _TMIN) * _TMAX // 2:
        distance //= _BASE - _TMIN
        steps += _BASE
    return steps + (_BASE - _TMIN + 1) * distance // (distance + _SKEW)
