"""The header block of a message: where it ends, its lines, and what the fields that matter say."""

import re
from collections.abc import Iterator
from hashlib import blake2b
from typing import Final, NamedTuple

from processor.domain.charset import decode_text
from processor.domain.message_tags import AUTOMATED_PREFIXES, TAG_HEADERS

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
}

_FIELD: Final = re.compile(rb"[!-9;-~]++[ \t]*+:")
_FIELDS: Final = re.compile(rb"^[!-9;-~]++[ \t]*+:", re.MULTILINE)
_UNFOLDED_END: Final = re.compile(rb"\n(?![ \t])")
_LINE_END: Final = re.compile(rb"(?<!\r)\r+\n|\r")
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MESSAGE_ID: Final = re.compile(r"<[^<>\s]+>")
_LIST_ID: Final = re.compile(r"<[^<>\s]++>(?=\s*+$)")
_EMPTY_ID: Final = "<> \t"


class Head(NamedTuple):
    """A header block with its lines ended by LF, as bytes, and where in `data` the body begins.

    `data` is the message, or where its line ends are odd, the message with all of them made LF.
    """

    block: bytes
    data: bytes
    body: int
    recognised: bool


def cut_head(raw: bytes, *, truncated: bool = False) -> Head:
    """Find the header block of a message: up to the first empty line, in a well-formed message."""
    end, gap = raw.find(b"\r\n\r\n"), 4
    if end < 0:
        end, gap = raw.find(b"\n\n"), 2
    if end > 0:
        block = raw[:end].replace(b"\r\n", b"\n")
        last = block[_last_line(block) :]
        if b"\r" not in block and b"\0" not in block and b"\n\n" not in block and _FIELD.match(last) and raw[0] < 127:
            return Head(block, raw, end + gap, recognised=True)
    return _cut_odd_head(raw, truncated=truncated)


def _last_line(block: bytes) -> int:
    """Return where the last unfolded line begins."""
    at = block.rfind(b"\n")
    while at >= 0 and block[at + 1 : at + 2] in (b" ", b"\t"):
        at = block.rfind(b"\n", 0, at)
    return at + 1


def _cut_odd_head(raw: bytes, *, truncated: bool) -> Head:
    """Find a header block with NULs, any line ends, empty lines before it or none behind it.

    It ends with the last line that is a header: what stands between that and the empty line is text.
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


def read_lines(block: bytes) -> Iterator[tuple[str, str]]:
    """Yield lower-cased name and unfolded value of each line of a header block with LF; other lines are passed over."""
    unfolded = block.replace(b"\n ", b" ").replace(b"\n\t", b"\t")
    try:
        lines = unfolded.decode("ascii").split("\n")
    except UnicodeDecodeError:
        lines = [decode_text(line) for line in unfolded.split(b"\n")]
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            yield name.rstrip().lower(), value


def read_fields(block: bytes) -> Fields:
    """Return the fields that matter of a header block with LF."""
    fields: Fields = {}
    for name, value in read_lines(block):
        if name in WANTED or name.startswith(AUTOMATED_PREFIXES):
            fields.setdefault(name, []).append(value)
    return fields


def message_key(fields: Fields, block: bytes) -> bytes:
    """Return the 16 bytes by which a message is known: of its Message-ID, else of its header block."""
    for value in fields.get("message-id", ()):
        if value.strip(_EMPTY_ID):
            return blake2b(b"id\0" + value.strip().encode("utf-8", "surrogatepass"), digest_size=16).digest()
    return blake2b(b"head\0" + block, digest_size=16).digest()


def has_references(fields: Fields) -> bool:
    """Return whether a message is part of a conversation: it refers to another by its Message-ID."""
    return ("references" in fields or "in-reply-to" in fields) and bool(references(fields))


def references(fields: Fields) -> list[str]:
    """Return the Message-IDs of References and In-Reply-To, with their brackets."""
    return [
        found
        for name in ("references", "in-reply-to")
        for value in fields.get(name, ())
        for found in _MESSAGE_ID.findall(value)
    ]


def list_id(value: str) -> str | None:
    """Return the bracketed id at the end of a List-Id field's value, or None."""
    match = _LIST_ID.search(value)
    return match[0] if match else None
