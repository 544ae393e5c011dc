"""Charset labels as mail has them, and the codec of Python that reads each: the one that senders mean by the label.

A label is looked up in a table that is fixed at import. It never reaches the codec registry, which would look for a
module of that name, remember every wrong name, and accept codecs that are not charsets.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from processor.domain.data.lists import read_entries

_CODECS: Final[Mapping[str, str]] = MappingProxyType(
    {
        label: codec
        for codec, *labels in (entry.split() for entry in read_entries("charsets.txt"))
        for label in (codec.replace("_", ""), *labels)
    }
)
_ODD_CODECS: Final = re.compile(r"utf_(?:7|16|32)|iso2022|hz|cp(?:037|273|424|500|875|1026|1140)$")
"""Codecs in which an ASCII byte can mean a different character."""
_COMMON: Final = frozenset({"", "us-ascii", "utf-8", "iso-8859-1", "iso-8859-15", "windows-1252"})
_NOT_IN_LABELS: Final = re.compile(r"[^a-z0-9]+")
_PREFIXES: Final = re.compile(r"x*(?:cs)?(?:iso(?=latin))?")
_CODE_PAGE: Final = re.compile(r"(?:windows|win|codepage|ccsid|ibm|dos|cp|ms)*0*([1-9][0-9]{1,4})")
_BARE_PART: Final = re.compile(r"8859(?=[0-9])")
_MAX_LABEL: Final = 64


@lru_cache(maxsize=64)
def find_codec(charset: str) -> str | None:
    """Return Python's codec for a charset label as written in mail, or None for an unknown one.

    Marks, the year behind a colon and the language behind a star do not count, nor do the prefixes `x-` and `cs`. Code
    pages are known by any of their companies' prefixes.
    """
    if len(charset) > _MAX_LABEL:
        return None
    label = _NOT_IN_LABELS.sub("", re.split("[*:]", charset.lower(), maxsplit=1)[0])
    return _CODECS.get(label) or _CODECS.get(_simplify(label))


def _simplify(label: str) -> str:
    label = _PREFIXES.sub("", label, count=1)
    if _BARE_PART.match(label):
        return f"iso{label}"
    page = _CODE_PAGE.fullmatch(label)
    return f"cp{page[1]}" if page else label


def keeps_ascii(charset: str) -> bool:
    """Return whether ASCII bytes always mean ASCII characters in a charset, as in all but a few."""
    if charset.lower() in _COMMON:
        return True
    codec = find_codec(charset)
    return codec is None or not _ODD_CODECS.match(codec)
