"""The yardstick for extraction: read what mining needs from a message with the standard library's parsers.

It uses `compat32`, `getaddresses`, `decode_header` and `parsedate_tz`, decodes text parts, and searches them with one
address pattern: the code that one would write first. It is not a reference: on some messages it raises.
"""

import hashlib
import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import Message
from email.utils import getaddresses, mktime_tz, parsedate_tz
from typing import Final, NamedTuple

ADDRESS_FIELDS: Final = ("from", "to", "cc", "bcc", "reply-to", "list-post")
TAG_FIELDS: Final = ("list-id", "list-unsubscribe", "precedence", "auto-submitted", "x-mailer", "x-spam-flag")
ADDRESS: Final = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)


class Read(NamedTuple):
    """What the standard library reads from one message."""

    key: bytes
    date: int | None
    conversation: bool
    said: list[tuple[str, str, str]]
    tags: list[str | None]


def read_message(raw: bytes, *, search_text: bool = True) -> Read:
    """Read a message; raise whatever the standard library raises. Texts are decoded even if they are not searched."""
    message = message_from_bytes(raw)
    said = [
        (field, _decode_name(name), address.lower())
        for field in ADDRESS_FIELDS
        for name, address in getaddresses([str(value) for value in message.get_all(field, ())])
    ]
    for text in [_decode_text(part) for part in message.walk() if part.get_content_maintype() == "text"]:
        said += [("body", "", address.lower()) for address in ADDRESS.findall(text)] if search_text else ()
    date = parsedate_tz(message.get("date", ""))
    return Read(
        hashlib.blake2b(str(message.get("message-id")).encode("utf-8", "replace"), digest_size=16).digest(),
        mktime_tz(date) if date else None,
        bool(message.get("references") or message.get("in-reply-to")),
        said,
        [message.get(field) for field in TAG_FIELDS],
    )


def _decode_name(name: str) -> str:
    return str(make_header(decode_header(name)))


def _decode_text(part: Message) -> str:
    data = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    return data.decode(charset, "replace") if isinstance(data, bytes) else ""
