"""A slow, careful parser of messages, for comparison with the extraction. The two share no code.

Bodies go through the standard library's `email` and `html.parser`; header lines, address lists and texts are read in
plain loops, one character at a time. If the two disagree, one is wrong; tests list every difference.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from functools import partial

from tests.support.reference_addresses import fold_plus, read_list
from tests.support.reference_charsets import decode, decode_value
from tests.support.reference_dates import read_date
from tests.support.reference_text import find_in_text, show_html

FIELDS = {"from": 1, "reply-to": 2, "reply_to": 2, "to": 4, "cc": 8, "bcc": 16, "list-post": 32}
BODY = 64


@dataclass
class Said:
    """What a message says about one address."""

    fields: int = 0
    names: set[str] = field(default_factory=set)
    plus: set[str] = field(default_factory=set)


@dataclass
class Reading:
    """What a message says."""

    key: bytes | None
    """The key by Message-ID only; None if there is no Message-ID."""
    date: int | None
    conversation: bool
    people: dict[str, Said]


def read(raw: bytes) -> Reading:
    """Read one message; keep the user's own addresses and future dates."""
    lines, body = split_message(raw)
    people: dict[str, Said] = {}
    for name, value in lines:
        for address, plus, shown in (
            read_list(decode_value(value, partial(declared_charset, raw))) if name in FIELDS else ()
        ):
            said = people.setdefault(address, Said())
            said.fields |= FIELDS[name]
            said.names |= {shown} if shown else set()
            said.plus |= {plus} if plus else set()
    mime = b"".join(name.encode() + b":" + value + b"\n" for name, value in lines if name.startswith("content-"))
    for found in texts_of(message_from_bytes(mime + b"\n" + body.removeprefix(b"\n"))):
        address, plus = fold_plus(found)
        said = people.setdefault(address, Said())
        said.fields |= BODY
        said.plus |= {plus} if plus else set()
    referring = [to_text(value) for name, value in lines if name in ("references", "in-reply-to")]
    return Reading(key_of(lines), date_of(lines), any(map(has_id, referring)), people)


def split_message(raw: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return (lower-case name, unfolded value) of each header line, and the body.

    Invalid header lines are skipped, except that those after the last valid one are the start of the body.
    """
    lines = even_out(raw).split(b"\n")
    while lines and not lines[0]:
        del lines[0]
    end = lines.index(b"") if b"" in lines else len(lines)
    fields: list[tuple[str, bytes]] = []
    body, in_field = 0, False
    for number, line in enumerate(lines[:end]):
        folded = line[:1] in (b" ", b"\t") and number > 0
        if folded and in_field:
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
        elif not folded:
            in_field = is_field(line)
            if in_field:
                name, _, value = line.partition(b":")
                fields.append((name.decode("latin-1").strip().lower(), value))
        if in_field:
            body = number + 1
    return fields, b"\n".join(lines[body:])


def even_out(raw: bytes) -> bytes:
    """Return a message without NULs or byte-order marks, with all lines ended by LF."""
    out = raw.replace(b"\0", b"")
    while b"\r\r\n" in out:
        out = out.replace(b"\r\r\n", b"\r\n")
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        out = out[len(mark) :] if out.startswith(mark) else out
    return out.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def is_field(line: bytes) -> bool:
    """Return whether a line starts with a field name and a colon."""
    name, colon, _ = line.partition(b":")
    name = name.rstrip(b" \t")
    return bool(colon) and bool(name) and all(32 < byte < 127 for byte in name)


def to_text(value: bytes) -> str:
    """Decode bytes that should have been ASCII: as UTF-8, or else as Latin-1."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def key_of(lines: list[tuple[str, bytes]]) -> bytes | None:
    """Return the key by Message-ID, or None if there is no Message-ID."""
    for name, value in lines:
        if name == "message-id" and value.strip(b" \t<>"):
            return hashlib.blake2b(b"id\0" + value.strip(), digest_size=16).digest()
    return None


def date_of(lines: list[tuple[str, bytes]]) -> int | None:
    """Return the first valid Date, in seconds since 1970, or None."""
    dates = [read_date(to_text(value)) for name, value in lines if name == "date"]
    return next((date for date in dates if date is not None), None)


def has_id(text: str) -> bool:
    """Return whether the text has an id in angle brackets, without whitespace, or has nothing but ids without them."""
    ids = [piece.partition(">")[0] for piece in text.split("<")[1:] if ">" in piece]
    if any(found and len(found.split()) == 1 and found == found.strip() for found in ids):
        return True
    words = [word.strip("<>[]\"'") for word in text.replace(",", " ").replace(";", " ").split()]
    return any(words) and all(word.count("@") == 1 and word[0] != "@" != word[-1] for word in words if word)


def texts_of(message: Message) -> Iterator[str]:
    """Yield the addresses in a message's texts, without attachments and without HTML that has a plain alternative."""
    for part in chosen_texts(message, root=True):
        data = part.get_payload(decode=True)
        text = decode(data if isinstance(data, bytes) else b"", part.get_content_charset(""))
        yield from find_in_text(show_html(text) if part.get_content_type() == "text/html" else text)


def chosen_texts(message: Message, *, root: bool = False) -> list[Message]:
    """Return the text parts to read, in order."""
    kind = message.get_content_type()
    if message.is_multipart():
        inner = [chosen_texts(part) for part in message.get_payload() if isinstance(part, Message)]
        found = [part for parts in inner for part in parts]
        if kind == "multipart/alternative" and any(is_plain_and_said(part) for part in found):
            return [part for part in found if part.get_content_type() == "text/plain"]
        return found
    if kind.startswith("multipart/"):
        message.set_type("text/plain")
        return [message]
    attached = message.get_content_disposition() == "attachment" and not root
    return [message] if kind in ("text/plain", "text/html") and not attached else []


def is_plain_and_said(part: Message) -> bool:
    """Return whether a part is plain text and not blank."""
    payload = part.get_payload()
    return part.get_content_type() == "text/plain" and isinstance(payload, str) and bool(payload.strip())


def declared_charset(raw: bytes) -> str:
    """Return the charset of a message's first text that declares one."""
    return next(
        (part.get_content_charset("") for part in message_from_bytes(raw).walk() if part.get_param("charset")), ""
    )
