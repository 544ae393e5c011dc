"""As much of HTML as addresses need: the text that a reader sees, and the recipients of its `mailto:` links."""

import html
import re
from typing import Final

from processor.domain.mail.lookalikes import read_recipients

HIDDEN: Final = "\ufdd0"
"""Marks a place in a text where something may be that a reader does not see. It is no character of any script."""
_SEPARATING_NAMES: Final = """
    address article aside audio blockquote body br button canvas caption center col colgroup dd details dialog
    dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header
    hgroup hr html iframe img input legend li link main map marquee menu meta nav noframes noscript object ol
    optgroup option p pre search section select summary svg table tbody td template textarea tfoot th thead
    title tr ul video
"""
SEPARATING: Final = frozenset(end + name for name in _SEPARATING_NAMES.split() for end in ("", "/"))
"""Elements that separate what is before them from what is behind: blocks, line breaks, pictures and controls.

All others join it, as browsers do with elements that they do not know. HTML Living Standard, 15.3, read 2026-11.
"""
_VALUE: Final = r"=\s*+(?:\"[^\"]*+\"|'[^']*+')"
_TAG: Final = re.compile(rf"<(?:(/?[A-Za-z][^\s/<>]*+)((?>(?:[^<>=]++|{_VALUE}|=)*))(?:>|(?=<))|[!?][^<>]*+>)")
"""A tag, also one that the next tag ends."""
_ATTRIBUTE: Final = re.compile(rf"[^\s=/]++\s*+(?:{_VALUE}|=\s*+[^\s>\"']++)?")
_UNSEEN: Final = re.compile(
    r"display\s*+:\s*+none|visibility\s*+:\s*+hidden|font-size\s*+:\s*+0(?![.\d])", re.IGNORECASE
)
_SHOWN_ADDRESS: Final = re.compile(r"<(?:mailto:)?([^<>@\s\"'=]++@[^<>@\s\"'=]++)>", re.IGNORECASE)
_UNREAD: Final = re.compile(r"<(?=[!sS])(?:(!--)|[sS](?:((?i:cript))|(?i:tyle))(?![A-Za-z]))", re.ASCII)
_UNREAD_ENDS: Final = tuple(re.compile(end, re.IGNORECASE | re.ASCII) for end in ("</style", "-->", "</script"))

_CODE: Final = re.compile(
    rb"&(?:#(?:0*+([0-9]{2,3})(?![0-9])|[xX]0*+([0-9A-Fa-f]{2})(?![0-9A-Fa-f]));?+|(commat|period|colon);)"
)
_CODE_BEGINNING: Final = re.compile(rb"&(?:#|commat;|period;|colon;)")
_NAMED_CODES: Final = {b"commat": b"@", b"period": b".", b"colon": b":"}
_CODED_AT: Final = re.compile(rb"%40")
"""Searching for a few characters with `re` takes half the time of `in`."""
_CODED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@.-_+:")
"""Characters written as codes to hide an address from programs. HTML's own markup characters are not among them."""
_LINK_WITH_CODES: Final = re.compile(rb"mailto:[^\"'<>\s:]*?%40", re.IGNORECASE)


def has_coded_link(data: bytes) -> bool:
    """Return whether a `mailto:` in a text could point to an address without an ``@``."""
    return _CODED_AT.search(data) is not None and _LINK_WITH_CODES.search(data) is not None


def decode_codes(data: bytes) -> bytes:
    """Return an HTML text with the codes for characters of addresses decoded."""
    return _CODE.sub(_decode_code, data) if _CODE_BEGINNING.search(data) else data


def _decode_code(match: re.Match[bytes]) -> bytes:
    decimal, hexadecimal, name = match.groups()
    if name:
        return _NAMED_CODES[name]
    code = int(decimal) if decimal else int(hexadecimal, 16)
    return bytes((code,)) if code in _CODED else match[0]


def find_unread(text: str, last: int) -> list[tuple[int, int]]:
    """Return what no reader sees, as (start, end) in order: comments, scripts and styles that are closed.

    What begins behind `last` is left out.
    """
    spans = []
    endless: set[int] = set()
    match = _UNREAD.search(text, 0, last + 1)
    while match:
        kind, at = match.lastindex or 0, match.end()
        end = None if kind in endless else _UNREAD_ENDS[kind].search(text, at)
        if end:
            at = end.end()
            spans.append((match.start(), at))
        else:
            endless.add(kind)
        match = _UNREAD.search(text, at, last + 1)
    return spans


def read_markup(text: str) -> str:
    """Return what a reader sees of an HTML text, then the recipients of its `mailto:` links, each on a line.

    Blocks are separated by line ends. Other tags and comments leave nothing behind, since a reader does not see them.
    """
    links: list[str] = []
    known: dict[str, str] = {}

    def show(match: re.Match[str]) -> str:
        tag = match[0]
        if tag not in known:
            known[tag] = _show_tag(match, links)
        return known[tag]

    shown = html.unescape(_TAG.sub(show, _drop_unread(text)))
    return "\n".join((shown, *links))


def _show_tag(match: re.Match[str], links: list[str]) -> str:
    name, attributes = match.group(1, 2)
    if name is None:
        return ""
    if "=" not in attributes and match[0][-1] != ">":
        return match[0]
    if "@" in name or "@" in attributes:
        address = _SHOWN_ADDRESS.fullmatch(match[0])
        if address:
            return f"<{address[1]}>"
    if "=" in attributes and ("&" in attributes or "mailto:" in attributes.lower()):
        links.extend(_read_links(attributes))
    if name.lower() in SEPARATING:
        return "\n"
    return HIDDEN if hides(attributes) else ""


def hides(tag: str) -> bool:
    """Return whether a tag's style says that nobody sees what is in its element."""
    return "style" in tag.lower() and _UNSEEN.search(tag) is not None


def _read_links(attributes: str) -> list[str]:
    """Return the recipients of each `mailto:` in the attribute `href`."""
    if "mailto:" not in html.unescape(attributes).lower():
        return []
    links = []
    for attribute in _ATTRIBUTE.finditer(attributes):
        name, _, value = attribute[0].partition("=")
        if name.strip().lower() == "href":
            target = html.unescape(value.strip().strip("\"'")).strip()
            if target[:7].lower() == "mailto:":
                links.append(read_recipients(target[7:]))
    return links


def _drop_unread(text: str) -> str:
    kept, at = [], 0
    for start, end in find_unread(text, len(text)):
        kept.append(text[at:start])
        at = end
    return "".join((*kept, text[at:]))
