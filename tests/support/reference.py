"""A slow and careful reading of messages, against which the extraction is compared. It shares nothing with it.

Bodies go through the standard library's `email` and `html.parser`; header lines, address lists and texts are read by
plain loops, a character at a time. Where the two disagree, one of them is wrong: tests list every such place.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from email.utils import parsedate_tz

from tests.support.reference_addresses import fold_plus, read_list
from tests.support.reference_text import find_in_text, show_html

FIELDS = {"from": 1, "reply-to": 2, "reply_to": 2, "to": 4, "cc": 8, "bcc": 16, "list-post": 32}
BODY = 64


@dataclass
class Said:
    """What a message says of one address."""

    fields: int = 0
    names: set[str] = field(default_factory=set)
    plus: set[str] = field(default_factory=set)


@dataclass
class Reading:
    """What a message says."""

    key: bytes | None
    """By Message-ID alone; None where there is none."""
    date: int | None
    conversation: bool
    people: dict[str, Said]


def read(raw: bytes) -> Reading:
    """Read one message as it is, nothing left out for being the user's or of the future."""
    lines, body = split_message(raw)
    people: dict[str, Said] = {}
    for name, value in lines:
        for address, plus, shown in read_list(to_text(value)) if name in FIELDS else ():
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
    referring = b" ".join(value for name, value in lines if name in ("references", "in-reply-to"))
    return Reading(key_of(lines), date_of(lines), has_id(to_text(referring)), people)


def split_message(raw: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """Return (lower-cased name, unfolded value) of each header line, and the body.

    Lines that are no header are passed over, but those behind the last header line are the body's beginning.
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
    """Return a message without NULs, all its lines ended by LF."""
    out = raw.replace(b"\0", b"")
    while b"\r\r\n" in out:
        out = out.replace(b"\r\r\n", b"\r\n")
    for mark in (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"):
        out = out[len(mark) :] if out.startswith(mark) else out
    return out.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def is_field(line: bytes) -> bool:
    """Return whether a line begins with a field's name and a colon."""
    name, colon, _ = line.partition(b":")
    name = name.rstrip(b" \t")
    return bool(colon) and bool(name) and all(32 < byte < 127 for byte in name)


def to_text(value: bytes) -> str:
    """Decode what should have been ASCII."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def key_of(lines: list[tuple[str, bytes]]) -> bytes | None:
    """Return the key by Message-ID, or None where there is none."""
    for name, value in lines:
        if name == "message-id" and value.strip(b" \t<>"):
            return hashlib.blake2b(b"id\0" + to_text(value).strip().encode(), digest_size=16).digest()
    return None


def date_of(lines: list[tuple[str, bytes]]) -> int | None:
    """Return the first Date that is one, in seconds since 1970; without a zone, as UTC."""
    for name, value in lines:
        parsed = parsedate_tz(to_text(value)) if name == "date" else None
        if parsed and parsed[0] >= 1900:
            second = min(parsed[5], 59)
            try:
                date = datetime(*parsed[:5], second, tzinfo=UTC) - timedelta(seconds=parsed[9] or 0)
                return int((date + timedelta(seconds=parsed[5] - second)).timestamp())
            except (ValueError, OverflowError):
                continue
    return None


def has_id(text: str) -> bool:
    """Return whether there is something in angle brackets, without blanks."""
    ids = [piece.partition(">")[0] for piece in text.split("<")[1:] if ">" in piece]
    return any(found and len(found.split()) == 1 and found == found.strip() for found in ids)


def texts_of(message: Message) -> Iterator[str]:
    """Yield the addresses in the texts of a message: attachments and HTML that stands beside plain text left out."""
    for part in chosen_texts(message, root=True):
        data = part.get_payload(decode=True)
        text = decode(data if isinstance(data, bytes) else b"", part.get_content_charset(""))
        yield from find_in_text(show_html(text) if part.get_content_type() == "text/html" else text)


def chosen_texts(message: Message, *, root: bool = False) -> list[Message]:
    """Return the text parts to be read, in order."""
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
    """Return whether a part is plain text that is not blank."""
    payload = part.get_payload()
    return part.get_content_type() == "text/plain" and isinstance(payload, str) and bool(payload.strip())


def decode(data: bytes, charset: str) -> str:
    """Decode with the charset said, else UTF-8, else Latin-1."""
    for name in (charset, "utf-8"):
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            continue
    return data.decode("latin-1")
