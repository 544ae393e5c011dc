"""Finds the text of a message: its text/plain and text/html parts, as positions in the message's bytes.

It makes one pass over the lines that start with ``--``, with a table of the open boundaries. That takes linear time,
however deeply parts are nested.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from processor.domain.mail.headers import Fields, compile_fields, read_fields

_BOUNDARY: Final = re.compile(
    r'[;\s]boundary\s*+=\s*+(?:"((?>(?:[^"\\]|\\.)*))"|([^\s;"]++))', re.IGNORECASE | re.DOTALL
)
_CHARSET: Final = re.compile(r'[;\s]charset\s*+=\s*+["\']?([^\s";\']++)', re.IGNORECASE)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_PART_FIELDS: Final = compile_fields(("content-type", "content-transfer-encoding", "content-disposition"))
_PLAIN: Final = "text/plain"
_TEXTS: Final = (_PLAIN, "text/html")
_REMEMBERED_CHARACTERS: Final = 256
_MESSAGES: Final = ("message/rfc822", "message/global", "message/news")


class Kind(NamedTuple):
    """What a header says about the body after it. `boundary` is empty if the body has no parts."""

    type: str
    encoding: str
    charset: str
    boundary: bytes


class TextPart(NamedTuple):
    """One text at `data[start:end]`, still encoded. `choice` numbers its multipart/alternative, 0 for none."""

    kind: Kind
    start: int
    end: int
    choice: int


class _Level(NamedTuple):
    delimiter: bytes
    default_type: str
    choice: int


def read_kind(fields: Fields, default_type: str = _PLAIN) -> Kind:
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
    charset = _CHARSET.search(value) if parameters else None
    boundary = b""
    if kind.startswith("multipart/"):
        found = _BOUNDARY.search(value)
        if found:
            text = _ESCAPED.sub(r"\1", found[1]) if found[1] is not None else found[2]
            boundary = text.rstrip().encode("utf-8", "surrogateescape")
        kind = kind if boundary else _PLAIN
    elif "/" not in kind:
        kind = _PLAIN
    return Kind(kind, encoding, charset[1] if charset else "", boundary)


_remember_kind: Final = lru_cache(maxsize=128)(_read_kind)
"""Nearly all mail has one of a few dozen values. Boundaries, which are never the same, push out only the rarest."""


def find_texts(data: bytes, start: int, kind: Kind) -> list[TextPart]:
    """Return the texts of a message whose body begins at `start`, without attachments.

    The HTML of a multipart/alternative is left out if it also has plain text that is not blank.
    """
    if not kind.boundary and kind.type not in _MESSAGES:
        return [TextPart(kind, start, len(data), 0)] if kind.type in _TEXTS else []
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
    plain = {
        text.choice
        for text in texts
        if text.choice
        and text.kind.type == _PLAIN
        and not data[text.start : text.end].isspace()
        and text.start < text.end
    }
    return [text for text in texts if text.kind.type == _PLAIN or text.choice not in plain]


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

    def begin(self, kind: Kind, start: int, *, choice: int) -> None:
        """Start the body at `start`: parts, a message in a message, a text, or something that is not read."""
        while kind.type in _MESSAGES and kind.encoding not in ("base64", "quoted-printable"):
            kind, start = self._read_head(start - 1, _PLAIN)
            choice = 0
        if kind.boundary and kind.boundary not in self._open:
            if kind.type == "multipart/alternative" and not choice:
                choice = self._choices = self._choices + 1
            self._open[kind.boundary] = len(self._levels)
            self._text = kind, start, choice
            self._levels.append(
                _Level(kind.boundary, _MESSAGES[0] if kind.type == "multipart/digest" else _PLAIN, choice)
            )
        elif kind.type in _TEXTS:
            self._text = kind, start, choice

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
                    self.begin(kind, body, choice=parent.choice)
                    end = max(end, body - 1)
            at = data.find(b"\n--", end)
        self._end_text(len(data))

    def _end_text(self, end: int, delimiter: bytes = b"") -> None:
        """End the text that has started. Text before a multipart's first delimiter does not count, if there is one."""
        if self._text:
            kind, start, choice = self._text
            if not kind.boundary or kind.boundary != delimiter:
                kind = kind._replace(type=_PLAIN, boundary=b"") if kind.boundary else kind
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
        fields = read_fields(data[line_end + 1 : empty], _PART_FIELDS)
        kind = read_kind(fields, default_type)
        if fields.get("content-disposition", ("",))[0].strip().lower().startswith("attachment"):
            kind = kind if kind.boundary or kind.type in _MESSAGES else kind._replace(type="")
        return kind, body

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
