"""Finds the text of a message: its text/plain and text/html parts, as positions in the message's bytes.

It makes one pass over the lines that start with ``--``, with a table of the open boundaries. That takes linear time,
however deeply parts are nested.
"""

import re
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, NamedTuple

from processor.domain.mail.charset import decode_base64, decode_text, keeps_ascii
from processor.domain.mail.headers import Fields, compile_fields, read_fields
from processor.domain.mail.transfer import decode_transfer

_BOUNDARY: Final = re.compile(
    r'[;\s]boundary\s*+=\s*+(?:"((?>(?:[^"\\]|\\.)*))"|([^\s;"]++))', re.IGNORECASE | re.DOTALL
)
_CHARSET: Final = re.compile(r'[;\s]charset\s*+=\s*+["\']?([^\s";\']++)', re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PART_FIELDS: Final = compile_fields(("content-type", "content-transfer-encoding", "content-disposition"))
PLAIN: Final = "text/plain"
_TEXTS: Final = (PLAIN, "text/html")
_REMEMBERED_CHARACTERS: Final = 256
_LETTER: Final = re.compile(rb"[A-Za-z0-9]")
_LITERAL: Final = re.compile(rb"[G-Zg-z]")
"""A letter that is no digit of an escape in quoted-printable."""
_ENOUGH_CHARACTERS: Final = 400
MESSAGES: Final = ("message/rfc822", "message/global", "message/news")
HEADERS: Final = "text/rfc822-headers"
"""The type of a text that is the header of a message in the message."""
BOUNCE: Final = "multipart/report; report-type=delivery-status"
"""The type of a report that says to whom a message could not be delivered. Its parts are not read."""
_REPORT_TYPE: Final = re.compile(r'[;\s]report-type\s*+=\s*+"?\s*+delivery-status(?![\w-])', re.IGNORECASE)
_WHOLE: Final = ("base64", "quoted-printable")
"""Encodings in which a message in a message has to be decoded as a whole."""


class Kind(NamedTuple):
    """What a header says about the body after it. `boundary` is empty if the body has no parts."""

    type: str
    encoding: str
    charset: str
    boundary: bytes


_HEADER_KIND: Final = Kind(HEADERS, "", "", b"")


class TextPart(NamedTuple):
    """One text at `data[start:end]`, still encoded. `choice` numbers its multipart/alternative, 0 for none."""

    kind: Kind
    start: int
    end: int
    choice: int


_text_part: Final[Callable[[tuple[Kind, int, int, int]], TextPart]] = partial(tuple.__new__, TextPart)
"""Makes a `TextPart` from a tuple of its values without a Python-level call."""


class _Level(NamedTuple):
    delimiter: bytes
    default_type: str
    choice: int
    unread: bool


def read_kind(fields: Fields, default_type: str = PLAIN) -> Kind:
    """Return what a header's fields say about its body. An invalid type counts as text/plain."""
    value = fields["content-type"][0] if "content-type" in fields else default_type
    encoding = fields["content-transfer-encoding"][0] if "content-transfer-encoding" in fields else ""
    if len(value) + len(encoding) <= _REMEMBERED_CHARACTERS:
        return _remember_kind(value, encoding)
    return _read_kind(value, encoding)


def _read_kind(value: str, encoding: str) -> Kind:
    encoding = encoding.strip(" \t\"';").lower()
    name, _, parameters = value.partition(";")
    kind = name.strip().lower()
    is_multipart = kind.startswith("multipart/")
    charset = _CHARSET.search(value) if parameters and not is_multipart else None
    boundary = b""
    if is_multipart:
        boundary = _read_boundary(value)
        if kind == "multipart/report" and _REPORT_TYPE.search(value):
            kind = BOUNCE
        elif not boundary:
            kind = PLAIN
    elif "/" not in kind:
        kind = PLAIN
    return Kind(kind, encoding, charset[1] if charset else "", boundary)


def _read_boundary(value: str) -> bytes:
    """Return the parameter `boundary`. Nearly all programs write it in one way, which takes no pattern."""
    before, _, quoted = value.partition(' boundary="')
    text, quote, _ = quoted.partition('"')
    if not quote or "\\" in text or '"' in before or "boundary" in before.lower():
        found = _BOUNDARY.search(value)
        if not found:
            return b""
        text = _ESCAPED.sub(r"\1", found[1]) if found[1] is not None else found[2]
    return text.rstrip().encode("utf-8", "surrogateescape")


_remember_kind: Final = lru_cache(maxsize=128)(_read_kind)
"""Nearly all mail has one of a few dozen values. Boundaries, which are never the same, push out only the rarest."""


def find_texts(data: bytes, start: int, kind: Kind) -> list[TextPart]:
    """Return the texts of a message whose body begins at `start`, without attachments.

    The HTML of a multipart/alternative is left out if it also has plain text with a letter or digit. Messages in the
    message are texts too, with their headers. If one is encoded as a whole, it is one text of its own type.
    """
    if not kind.boundary and kind.type not in MESSAGES:
        return [_text_part((kind, start, len(data), 0))] if kind.type in _TEXTS else []
    walk = _Walk(data)
    walk.begin(kind, start, choice=0)
    walk.run(start)
    return _choose(data, walk.texts)


def declared_charset(data: bytes, start: int, kind: Kind) -> str:
    """Return the charset that a message, whose body begins at `start`, declares for its first text; empty if none."""
    if kind.charset:
        return kind.charset
    return next((text.kind.charset for text in find_texts(data, start, kind) if text.kind.charset), "")


def _choose(data: bytes, texts: list[TextPart]) -> list[TextPart]:
    doubtful = {text.choice for text in texts if text.choice and text.kind.type != PLAIN}
    if not doubtful:
        return texts
    plain = {
        text.choice
        for text in texts
        if text.choice in doubtful and text.kind.type == PLAIN and _says_something(data, text)
    }
    return [text for text in texts if text.kind.type == PLAIN or text.choice not in plain]


def _says_something(data: bytes, text: TextPart) -> bool:
    """Return whether a text has a letter or digit once it is decoded. Nearly every text shows that at once."""
    kind, start, end, _ = text
    if keeps_ascii(kind.charset):
        if kind.encoding == "base64":
            if _LETTER.search(decode_base64(data[start : min(start + _ENOUGH_CHARACTERS, end)])):
                return True
        elif (_LITERAL if kind.encoding == "quoted-printable" else _LETTER).search(data, start, end):
            return True
    decoded = decode_text(decode_transfer(data[start:end], kind.encoding), kind.charset)
    return any(character.isalnum() for character in decoded)


def _read_head_kind(block: bytes, default_type: str) -> Kind:
    """Return what a part's header says about its body. The type of an attachment that is not read is empty."""
    fields = read_fields(block, _PART_FIELDS)
    kind = read_kind(fields, default_type)
    if fields.get("content-disposition", ("",))[0].strip().lower().startswith("attachment"):
        return kind if kind.boundary or kind.type in MESSAGES else kind._replace(type="")
    return kind


_remember_head_kind: Final = lru_cache(maxsize=128)(_read_head_kind)
"""Most parts of most messages have one of a few dozen headers."""


class _Walk:
    """One pass over a message: the open boundaries, outermost first, and the text that has started."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.texts: list[TextPart] = []
        self._levels: list[_Level] = []
        self._open: dict[bytes, int] = {}
        self._text: tuple[Kind, int, int] | None = None
        self._choices = 0
        self._crlf = self._lf = -1

    def begin(self, kind: Kind, start: int, *, choice: int, unread: bool = False) -> None:
        """Start the body at `start`: parts, a message in a message, a text, or something that is not read."""
        while kind.type in MESSAGES and kind.encoding not in _WHOLE:
            header = start
            kind, start = self._read_head(start - 1, PLAIN)
            if not unread:
                self.texts.append(TextPart(_HEADER_KIND, header, start, 0))
            choice = 0
        unread = unread or kind.type == BOUNCE
        if kind.boundary and kind.boundary not in self._open:
            if kind.type == "multipart/alternative" and not choice:
                choice = self._choices = self._choices + 1
            self._open[kind.boundary] = len(self._levels)
            self._text = None if unread else (kind, start, choice)
            default_type = MESSAGES[0] if kind.type == "multipart/digest" else PLAIN
            self._levels.append(_Level(kind.boundary, default_type, choice, unread))
        elif not unread and (kind.type in _TEXTS or kind.type in MESSAGES):
            self._text = kind, start, choice if kind.type in _TEXTS else 0

    def run(self, start: int) -> None:
        """Follow the delimiters from `start` to the end of the data."""
        data = self.data
        at = data.find(b"\n--", max(start - 1, 0))
        while at >= 0:
            end = data.find(b"\n", at + 1)
            end = len(data) if end < 0 else end
            line = data[at + 3 : end].rstrip()
            level = self._open.get(line)
            last = level is None and line.endswith(b"--")
            if last:
                level = self._open.get(line[:-2])
            if level is not None:
                self._end_text(at, self._levels[level].delimiter)
                self._close(level if last else level + 1)
                if not last:
                    parent = self._levels[level]
                    kind, body = self._read_head(end, parent.default_type)
                    self.begin(kind, body, choice=parent.choice, unread=parent.unread)
                    end = max(end, body - 1)
            at = data.find(b"\n--", end)
        self._end_text(len(data))

    def _end_text(self, end: int, delimiter: bytes = b"") -> None:
        """End the text that has started. Text before a multipart's first delimiter does not count, if there is one."""
        if self._text:
            kind, start, choice = self._text
            if not kind.boundary or kind.boundary != delimiter:
                kind = kind._replace(type=PLAIN, boundary=b"") if kind.boundary else kind
                self.texts.append(TextPart(kind, start, max(start, end), choice))
            self._text = None

    def _close(self, level: int) -> None:
        while len(self._levels) > level:
            del self._open[self._levels.pop().delimiter]

    def _read_head(self, line_end: int, default_type: str) -> tuple[Kind, int]:
        """Read the header after the line that ends at `line_end`; return what it says and where its body begins.

        A header without an empty line ends at the next possible delimiter.
        """
        data = self.data
        empty, body = self._find_empty_line(line_end)
        delimiter = data.find(b"\n--", line_end, empty)
        if delimiter >= 0:
            empty, body = delimiter, delimiter + 1
        block = data[line_end + 1 : empty]
        if len(block) <= _REMEMBERED_CHARACTERS:
            return _remember_head_kind(block, default_type), body
        return _read_head_kind(block, default_type), body

    def _find_empty_line(self, start: int) -> tuple[int, int]:
        """Return where the next empty line begins and ends; both are the data's length if there is none.

        No byte is read twice: a result stays valid until the walk has passed it. Mail with CRLF line ends is not
        searched for a bare empty line after the empty line found.
        """
        data = self.data
        if self._crlf < start:
            found = data.find(b"\n\r\n", start)
            self._crlf = len(data) if found < 0 else found
        if self._lf < start:
            found = data.find(b"\n\n", start, self._crlf + 1)
            self._lf = self._crlf if found < 0 else found
        if self._lf < self._crlf:
            return self._lf, self._lf + 2
        return self._crlf, min(self._crlf + 3, len(data))
