"""Independent readers: which addresses other parsers see in a message, each read by a library that is not ours.

Two use the standard library's `email`, one npm's `postal-mime`. They find addresses in texts with one plain pattern.
Each gives what anyone could have meant, so that an address which fewer than two of them give is worth a look.
"""

import inspect
import re
from collections.abc import Iterable, Iterator
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses
from html.parser import HTMLParser
from typing import Final
from urllib.parse import unquote

from bench.postal import PostalReading

FIELDS: Final = ("from", "to", "cc", "bcc", "reply-to", "reply_to", "list-post")
_LAX: Final = {"strict": False} if "strict" in inspect.signature(getaddresses).parameters else {}
"""Older Pythons have no such parameter and are always as lax."""
_IN_TEXT: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[\w-]+(?:\.[\w-]+)+")
_INLINE: Final = frozenset(
    (
        "a",
        "abbr",
        "b",
        "big",
        "cite",
        "code",
        "em",
        "font",
        "i",
        "ins",
        "mark",
        "s",
        "small",
        "span",
        "strong",
        "u",
        "wbr",
    )
)
_QUERY: Final = re.compile(r"[?&=,;]")
_AROUND: Final = " \t\r\n<>\"'()[]"


def read_by_default_policy(raw: bytes) -> set[str]:
    """Return the addresses that `email` gives with its default policy, the modern way."""
    message = message_from_bytes(raw, policy=policy.default)
    found: set[str] = set()
    for field in FIELDS:
        for value in _try_all(message, field):
            parsed = getattr(value, "addresses", None)
            found.update(_in_text(str(value)) if parsed is None else (each.addr_spec for each in parsed))
    return _fold((*found, *_in_parts(message)))


def read_by_compat32(raw: bytes) -> set[str]:
    """Return the addresses that `email` gives with its old policy and `getaddresses`, as most programs use it."""
    message = message_from_bytes(raw)
    values = [_decode(str(value)) for field in FIELDS for value in message.get_all(field, ())]
    plain = [str(value) for field in FIELDS for value in message.get_all(field, ())]
    found = [address for each in (*values, *plain) for _, address in getaddresses([each], **_LAX)]
    return _fold((*found, *_in_parts(message)))


def read_by_postal_mime(reading: PostalReading) -> set[str]:
    """Return the addresses that postal-mime gives."""
    texts = [*map(_in_text, reading["texts"]), *map(_in_html, reading["htmls"])]
    return _fold((*reading["addresses"], *(address for text in texts for address in text)))


def _try_all(message: Message, field: str) -> Iterable[object]:
    """Return a field's values; none if reading them raises, as it does for some malformed ones."""
    try:
        return message.get_all(field, ())
    except Exception:
        return ()


def _decode(value: str) -> str:
    try:
        return str(make_header(decode_header(value)))
    except Exception:
        return value


def _in_parts(message: Message) -> Iterator[str]:
    """Yield the addresses in all texts of a message, and in the fields of messages attached to it."""
    for part in message.walk():
        kind = part.get_content_type()
        if part is not message and part.get_content_maintype() != "multipart":
            for value in map(str, part.values()):
                yield from _in_text(value)
        if part.is_multipart():
            continue
        data = part.get_payload(decode=True)
        if isinstance(data, bytes) and kind.startswith("text/"):
            text = _decode_bytes(data, part.get_content_charset("utf-8"))
            yield from _in_html(text) if kind == "text/html" else _in_text(text)


def _decode_bytes(data: bytes, charset: str) -> str:
    try:
        return data.decode(charset, "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def _in_text(text: str) -> list[str]:
    return [found.strip(".-") for found in _IN_TEXT.findall(text)]


def _in_html(text: str) -> list[str]:
    page = _Page()
    page.feed(text)
    page.close()
    return _in_text("".join(page.shown)) + _in_text(" ".join(page.links))


class _Page(HTMLParser):
    """What a browser shows of a page, and the targets of its links."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.links: list[str] = []

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        self.shown.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a link's target, and that a block is no part of the word before it."""
        self.shown.append("" if tag in _INLINE else " ")
        for _, value in attrs:
            target = (value or "").strip()
            if target.lower().startswith("mailto:"):
                self.links.append(unquote(_QUERY.sub(" ", target[7:])))

    def handle_endtag(self, tag: str) -> None:
        """Keep that a block has ended."""
        self.shown.append("" if tag in _INLINE else " ")


def _fold(addresses: Iterable[str]) -> set[str]:
    """Return the addresses without case, plus parts and marks around them, so that they can be compared."""
    folded = set()
    for address in addresses:
        local, at, host = address.strip(_AROUND).lower().rpartition("@")
        if at:
            folded.add(f"{local.removeprefix('mailto:').partition('+')[0] or local}@{host}")
    return folded
