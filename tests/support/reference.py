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
from tests.support.reference_charsets import decode, decode_value, decode_words
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
    message = message_from_bytes(mime + b"\n" + body.removeprefix(b"\n"))
    if is_report(message):
        people = {address: said for address, said in people.items() if said.fields & ~3}
    for found in () if is_from_daemon(lines) else texts_of(message):
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


def is_report(message: Message) -> bool:
    """Return whether a message reports that another one was not delivered."""
    kind = message.get_param("report-type", "")
    return message.get_content_type() == "multipart/report" and str(kind).lower() == "delivery-status"


def is_from_daemon(lines: list[tuple[str, bytes]]) -> bool:
    """Return whether a mail system is the sender."""
    for name, value in lines:
        for word in to_text(value).lower().split("(")[0].split() if name == "from" else ():
            local = word.strip("<>").partition("@")[0]
            exchange = local.startswith("microsoftexchange") and len(local) == len("microsoftexchange") + 32
            bare = "@" in word or b"@" not in value
            if exchange or (bare and local.replace("-", "") in ("mailerdaemon", "maildaemon", "postmaster")):
                return True
    return False


def texts_of(message: Message) -> Iterator[str]:
    """Yield the addresses in a message's texts, without attachments and without HTML that has a plain alternative."""
    for part in chosen_texts(message, root=True):
        if isinstance(part, str):
            yield from find_in_text(part)
        else:
            text = decoded(part)
            yield from find_in_text(show_html(text) if part.get_content_type() == "text/html" else text)


def decoded(part: Message) -> str:
    """Return the text of a part."""
    data = part.get_payload(decode=True)
    return decode(data if isinstance(data, bytes) else b"", part.get_content_charset(""))


def chosen_texts(message: Message, *, root: bool = False) -> list[Message | str]:
    """Return the text parts to read, in order, and the header fields of attached messages."""
    kind = message.get_content_type()
    if is_report(message):
        return []
    if kind in ("message/rfc822", "message/global", "message/news"):
        return [
            found for inner in message.get_payload() if isinstance(inner, Message) for found in attached(message, inner)
        ]
    if message.is_multipart():
        inner = [chosen_texts(part) for part in message.get_payload() if isinstance(part, Message)]
        found = [part for parts in inner for part in parts]
        if kind == "multipart/alternative" and any(is_plain_and_said(part) for part in found):
            return [part for part in found if isinstance(part, str) or part.get_content_type() == "text/plain"]
        return found
    if kind.startswith("multipart/"):
        message.set_type("text/plain")
        return [message]
    kept_out = message.get_content_disposition() == "attachment" and not root
    return [message] if kind in ("text/plain", "text/html") and not kept_out else []


def attached(outer: Message, inner: Message) -> list[Message | str]:
    """Return the header fields that a reader sees of an attached message, and its texts."""
    encoding = str(outer.get("content-transfer-encoding", "")).strip().lower()
    if encoding in ("base64", "quoted-printable"):
        carrier = message_from_bytes(f"Content-Transfer-Encoding: {encoding}\n\n".encode() + inner.as_bytes().lstrip())
        data = carrier.get_payload(decode=True)
        inner = message_from_bytes(data.lstrip() if isinstance(data, bytes) else b"")
    fields = [
        decode_words(to_text(str(value).encode("utf-8", "surrogateescape")))
        for name, value in inner.raw_items()
        if name.lower() in {*FIELDS, "subject"}
    ]
    return [*fields, *chosen_texts(inner)]


def is_plain_and_said(part: Message | str) -> bool:
    """Return whether a part is plain text with a letter or digit."""
    if isinstance(part, str) or part.get_content_type() != "text/plain":
        return False
    return any(character.isalnum() for character in decoded(part))


def declared_charset(raw: bytes) -> str:
    """Return the charset of a message's first text that declares one."""
    return next(
        (part.get_content_charset("") for part in message_from_bytes(raw).walk() if part.get_param("charset")), ""
    )
