"""HTML as far as addresses need it: what is shown, and where `mailto:` points."""

import html
import re
from typing import Final
from urllib.parse import unquote

_HIDDEN: Final = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"))
_TAG: Final = re.compile(r"<(?=[A-Za-z/!?])[^<>]*+>")
_MAILTO: Final = re.compile(r"mailto:([^\"'<>\s]*+)", re.IGNORECASE)
_JOINS: Final = re.compile(r"<wbr[ /]*+>|\u00ad|\u200b", re.IGNORECASE)
_ADDRESS_TAG: Final = re.compile(r"<([^<>@\s]++@[^<>@\s]++)>")


def needs_care(data: bytes) -> bool:
    """Return whether an HTML text may hold an address that shows no ``@``."""
    return b"&#" in data or b"%40" in data or b"&commat;" in data


def read_markup(text: str) -> str:
    """Return what a reader sees of an HTML text, each tag a blank, and behind it where its `mailto:` links point."""
    text = _drop_hidden(text)
    links = " ".join(unquote(html.unescape(link)) for tag in _TAG.findall(text) for link in _MAILTO.findall(tag))
    shown = _TAG.sub(" ", _JOINS.sub("", _ADDRESS_TAG.sub(r" \1 ", text)))
    return f"{html.unescape(shown)} {_split_link(links)}"


def _split_link(links: str) -> str:
    """Return links with the fields of their queries apart, so that each address in them stands alone."""
    return re.sub(r"[?&=,;]", " ", links)


def _drop_hidden(text: str) -> str:
    for opening, closing in _HIDDEN:
        lowered = text.lower() if opening in text.lower() else ""
        if not lowered or len(lowered) != len(text):
            continue
        kept, at = [], 0
        while (begin := lowered.find(opening, at)) >= 0:
            kept.append(text[at:begin])
            end = lowered.find(closing, begin)
            at = len(text) if end < 0 else end + len(closing)
        text = " ".join((*kept, text[at:]))
    return text
