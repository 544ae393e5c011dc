"""As much of HTML as addresses need: what is shown, and where `mailto:` links point."""

import html
import re
from enum import Enum
from typing import Final
from urllib.parse import unquote

_TAG: Final = re.compile(r"<(?=[A-Za-z/!?])[^<>]*+>")
_MAILTO: Final = re.compile(r"mailto:([^\"'<>\s]*+)", re.IGNORECASE | re.ASCII)
_QUERY: Final = re.compile(r"[?&=,;]")
_WORD_BREAK: Final = re.compile(r"<wbr[ /]*+>", re.IGNORECASE | re.ASCII)
_ADDRESS_TAG: Final = re.compile(r"<([^<>@\s]++@[^<>@\s]++)>")
_HIDDEN: Final = re.compile(r"<(?:(!--)|[sS](?:((?i:cript))|(?i:tyle))(?![A-Za-z]))", re.ASCII)
_HIDDEN_ENDS: Final = tuple(re.compile(end, re.IGNORECASE | re.ASCII) for end in ("</style", "-->", "</script"))

_CODE: Final = re.compile(
    rb"&#(?:0*+([0-9]{2,3})(?![0-9])|[xX]0*+([0-9A-Fa-f]{2})(?![0-9A-Fa-f]));?+|&(commat|period);"
)
_CODE_BEGINNING: Final = re.compile(rb"&(?:#|commat;|period;)")
_CODED_AT: Final = re.compile(rb"%40")
"""Searching for a few characters with `re` takes half the time of `in`."""
_CODED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@.-_+:")
"""Characters written as codes to hide an address from programs. HTML's own markup characters are not among them."""
_LINK_WITH_CODES: Final = re.compile(rb"mailto:[^\"'<>\s@:]*?%40", re.IGNORECASE)
_BLANKS: Final = ("&nbsp", "&lt", "&gt", "&quot")
_BLANKS_BEFORE: Final = tuple(f"{blank};" for blank in _BLANKS)
_TAG_STARTS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz/!?")
_LINK: Final = "mailto:"


class Place(Enum):
    """Whether a reader of an HTML text sees an address."""

    READ = 1
    HIDDEN = 2
    UNSURE = 3
    """Only `read_markup` can tell."""


class Markup:
    """An HTML text that is asked about places from front to back. It reads no part of the text twice."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._asked = 0
        self._opened = -1
        self._closed = -1
        self._linked = False
        self._hidden = find_hidden(text)[::-1]

    def place(self, start: int, end: int) -> Place:
        """Return the place of the address `text[start:end]`. `start` must not decrease from call to call."""
        text, asked = self._text, self._asked
        opened = text.rfind("<", asked, start)
        if opened >= 0:
            self._opened, self._linked = opened, False
        self._closed = max(self._closed, text.rfind(">", asked, start))
        self._asked = start
        while self._hidden and self._hidden[-1][1] <= start:
            self._hidden.pop()
        if self._hidden and self._hidden[-1][0] <= start:
            return Place.HIDDEN
        if self._opened > self._closed and text[self._opened + 1] in _TAG_STARTS:
            return self._place_in_tag(start, end, max(self._opened, asked - len(_LINK)))
        before, behind = text[max(start - 6, 0) : start].lower(), text[end : end + 5].lower()
        joined = before.endswith("wbr>") or behind.startswith("<wbr")
        coded = before.endswith(";") and not before.endswith(_BLANKS_BEFORE)
        if joined or coded or "&" in text[start:end] or (behind[:1] == "&" and not behind.startswith(_BLANKS)):
            return Place.UNSURE
        return Place.READ

    def _place_in_tag(self, start: int, end: int, unread: int) -> Place:
        before, address = self._text[unread:start].lower(), self._text[start:end]
        self._linked = self._linked or _LINK in before
        if before.endswith(_LINK):
            return Place.UNSURE if "%" in address or "&" in address else Place.READ
        if start == self._opened + 1 and self._text[end : end + 1] == ">":
            return Place.READ
        return Place.UNSURE if self._linked else Place.HIDDEN


def hides_address(data: bytes) -> bool:
    """Return whether a link in an HTML text could point to an address without a visible ``@``."""
    return _CODED_AT.search(data) is not None and _LINK_WITH_CODES.search(data) is not None


def decode_codes(data: bytes) -> bytes:
    """Return an HTML text with the codes for characters of addresses decoded."""
    return _CODE.sub(_decode_code, data) if _CODE_BEGINNING.search(data) else data


def _decode_code(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, name = match.groups()
    if name:
        return b"@" if name == b"commat" else b"."
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return bytes((code,)) if code in _CODED else match[0]


def find_hidden(text: str) -> list[tuple[int, int]]:
    """Return what no reader sees, as (start, end) in order: comments, scripts and styles that are closed."""
    spans = []
    endless: set[int] = set()
    match = _HIDDEN.search(text)
    while match:
        kind, at = match.lastindex or 0, match.end()
        end = None if kind in endless else _HIDDEN_ENDS[kind].search(text, at)
        if end:
            at = end.end()
            spans.append((match.start(), at))
        else:
            endless.add(kind)
        match = _HIDDEN.search(text, at)
    return spans


def read_markup(text: str) -> str:
    """Return what a reader sees of an HTML text, with a space for each tag, then the targets of its `mailto:` links."""
    text = _drop_hidden(text)
    tags = (html.unescape(tag) for tag in _TAG.findall(text) if "@" in tag or "%" in tag or "&" in tag)
    links = (link for tag in tags for link in _MAILTO.findall(tag))
    targets = " ".join(unquote(link) for link in links)
    shown = html.unescape(_TAG.sub(" ", _WORD_BREAK.sub("", _ADDRESS_TAG.sub(r" \1 ", text))))
    joined = shown.replace("\u00ad", "").replace("\u200b", "")
    return f"{joined} {_QUERY.sub(' ', targets)}"


def _drop_hidden(text: str) -> str:
    kept, at = [], 0
    for start, end in find_hidden(text):
        kept.append(text[at:start])
        at = end
    return " ".join((*kept, text[at:]))
