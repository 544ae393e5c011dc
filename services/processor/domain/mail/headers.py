"""The header block of a message: where it ends, and the values of the fields that matter."""

import html
import re
from collections.abc import Callable, Iterable
from functools import partial
from hashlib import blake2b
from typing import Final, NamedTuple

from processor.domain.mail.charset import decode_words, keep_raw
from processor.domain.mail.message_tags import AUTOMATED_PREFIXES, TAG_HEADERS

Fields = dict[str, list[str]]
"""Unfolded values by lower-cased name, in order."""

WANTED: Final = TAG_HEADERS | {
    "from",
    "to",
    "cc",
    "bcc",
    "reply-to",
    "reply_to",
    "date",
    "message-id",
    "references",
    "in-reply-to",
    "content-type",
    "content-transfer-encoding",
    "x-google-original-from",
}


def compile_fields(names: Iterable[str], prefixes: Iterable[str] = ()) -> re.Pattern[str]:
    """Return a pattern that finds the headers of these names in lower-cased text with an LF before each line.

    Its groups are the name and the folded value. Names are grouped by their first characters, so that the pattern fails
    at once on a line with a different header, as most lines are.
    """
    groups: dict[str, list[str]] = {}
    for name in (*map(re.escape, names), *(f"{re.escape(prefix)}[!-9;-~]*+" for prefix in prefixes)):
        beginning = name[: 3 if name.startswith(r"x\-") else 1]
        groups.setdefault(beginning, []).append(name[len(beginning) :])
    choice = "|".join(f"{beginning}(?:{'|'.join(rest)})" for beginning, rest in groups.items())
    return re.compile(rf"\n({choice})[ \t]*+:([^\n]*+(?>(?:\n[ \t][^\n]*+)*))")


_WANTED: Final = compile_fields(WANTED, AUTOMATED_PREFIXES)
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
_LF: Final = 10
_FIELD: Final = re.compile(rb"[!-9;-~]++[ \t]*+:")
_FIELDS: Final = re.compile(rb"^[!-9;-~]++[ \t]*+:", re.MULTILINE)
_UNFOLDED_END: Final = re.compile(rb"\n(?![ \t])")
_LINE_END: Final = re.compile(rb"(?<!\r)\r+\n|\r")
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]+>")
_COMMENT: Final = re.compile(r"\([^()]*+\)")
_BETWEEN_IDS: Final = re.compile(r"[\s,;]+")
_BARE_ID: Final = re.compile(r"[^@<>]++@[^@<>]++")
_AROUND_ID: Final = "<>[]\"'"
_LIST_ID: Final = re.compile(r"<[^<>\s]++>(?=\s*+$)")
_REFERRING: Final = ("references", "in-reply-to")
_EMPTY_ID: Final = "<> \t"


class Head(NamedTuple):
    """A header block, whose lines all end in CRLF or all in LF, and the start of the body in `data`.

    `data` is the message, or a copy with LF line ends and without NULs if the message is odd.
    """

    block: bytes
    data: bytes
    body: int
    recognised: bool


_head: Final[Callable[[tuple[bytes, bytes, int, bool]], Head]] = partial(tuple.__new__, Head)
"""Makes a `Head` from a tuple of its values without a Python-level call."""


def cut_head(raw: bytes, *, truncated: bool = False) -> Head:
    """Find the header block of a message. In a well-formed message it ends at the first empty line."""
    empty = _EMPTY_LINE.search(raw)
    if empty:
        end, body = empty.span()
        block = raw[:end]
        first_cr = block.find(b"\r", 0, -1)
        if (
            _FIELD.match(block, _last_line(block))
            and (first_cr < 0 or block[first_cr + 1] == _LF)
            and b"\0" not in block
            and block[0] < 127
        ):
            return _head((block, raw, body, True))
    return _cut_odd_head(raw, truncated=truncated)


def _last_line(block: bytes) -> int:
    """Return the start of the last unfolded line."""
    at = block.rfind(b"\n")
    while at >= 0 and block[at + 1 : at + 2] in (b" ", b"\t"):
        at = block.rfind(b"\n", 0, at)
    return at + 1


def _cut_odd_head(raw: bytes, *, truncated: bool) -> Head:
    """Find a header block with NULs, any line ends, empty lines before it, or no empty line after it.

    It ends with the last line that is a header. Lines between that and the empty line are text.
    """
    data = _LINE_END.sub(b"\n", raw.replace(b"\0", b""))
    for mark in _BYTE_ORDER_MARKS:
        data = data.removeprefix(mark)
    data = data.lstrip(b"\n")
    end = data.find(b"\n\n")
    block, body = (data, len(data)) if end < 0 else (data[:end], end + 2)
    last = 0
    for field in _FIELDS.finditer(block):
        last = field.end()
    if not last:
        return Head(block or data, data, body, recognised=False)
    after = _UNFOLDED_END.search(block, last)
    if after:
        return Head(block[: after.start()], data, after.end(), recognised=True)
    if end < 0 and truncated:
        block = block[: max(block.rfind(mark) for mark in (b" ", b"\n", b"\t", b",", b">")) + 1]
    return Head(block, data, body, recognised=True)


def read_fields(block: bytes, pattern: re.Pattern[str] = _WANTED) -> Fields:
    """Return the fields of a header block, with CRLF or LF, that a pattern from `compile_fields` finds.

    Bytes that are not UTF-8 are kept as `keep_raw` does: what they mean depends on the message's text.
    """
    fields: Fields = {}
    text = (b"\n" + block).decode("latin-1")
    is_plain = text.isascii() and "\x1b" not in text
    for match in pattern.finditer(text.lower()):
        start, end = match.span(2)
        value = text[start:end]
        if "\n" in value:
            value = value.replace("\n", "").replace("\r", "")
        elif value[-1:] == "\r":
            value = value[:-1]
        if not is_plain:
            value = keep_raw(value)
        name = match[1]
        if name in fields:
            fields[name].append(value)
        else:
            fields[name] = [value]
    return fields


def message_key(fields: Fields, block: bytes) -> bytes:
    """Return the 16 bytes that identify a message: a hash of its Message-ID, or else of its header block."""
    for value in fields.get("message-id", ()):
        if value.strip(_EMPTY_ID):
            return blake2b(b"id\0" + value.strip().encode("utf-8", "surrogateescape"), digest_size=16).digest()
    return blake2b(b"head\0" + block.replace(b"\r\n", b"\n").rstrip(b"\r"), digest_size=16).digest()


def has_references(fields: Fields) -> bool:
    """Return whether a message is part of a conversation: whether it refers to another one by Message-ID."""
    for name in _REFERRING:
        if name in fields:
            for value in fields[name]:
                if _MESSAGE_ID.search(value) or (("@" in value or "=?" in value) and _bare_ids(value)):
                    return True
    return False


def references(fields: Fields) -> list[str]:
    """Return the Message-IDs in References and In-Reply-To, with brackets whether they were written so or not."""
    return [
        found
        for name in _REFERRING
        for value in fields.get(name, ())
        for found in _MESSAGE_ID.findall(value) or _bare_ids(value)
    ]


def _bare_ids(value: str) -> list[str]:
    """Return the Message-IDs in a value that has none in brackets, if it has nothing else.

    Between other words, what looks like one may be an address ("Your message of Monday, jane@acme.com").
    """
    text = html.unescape(decode_words(value)) if "=?" in value or "&" in value else value
    words = _BETWEEN_IDS.split(_COMMENT.sub(" ", text))
    ids = [bare for word in words if (bare := word.strip(_AROUND_ID))]
    return [f"<{bare}>" for bare in ids] if all(_BARE_ID.fullmatch(bare) for bare in ids) else []


def list_id(value: str) -> str | None:
    """Return the bracketed id at the end of a List-Id field's value, or None."""
    match = _LIST_ID.search(value)
    return match[0] if match else None
