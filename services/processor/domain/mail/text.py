"""The addresses in the text of a part, which is decoded only as the part declares."""

from collections.abc import Iterable, Iterator
from typing import Final

from processor.domain.mail.charset import decode_base64, decode_words, keeps_ascii
from processor.domain.mail.headers import compile_fields, read_fields
from processor.domain.mail.mime import HEADERS, MESSAGES, PLAIN, Kind, TextPart, find_texts
from processor.domain.mail.text_addresses import find_addresses, last_boundary, scan_text
from processor.domain.mail.transfer import decode_quoted_printable

_SHOWN_FIELDS: Final = compile_fields(("from", "to", "cc", "bcc", "reply-to", "reply_to", "list-post", "subject"))
"""What is read of the header of a message in the message: the address fields, and the subject."""
_MESSAGE: Final = Kind(MESSAGES[0], "", "", b"")
_MOST_LAYERS: Final = 4
"""So many encodings can be around a message in a message. Each one is decoded as a whole, and takes time for it."""


def read_text(data: bytes, part: TextPart, *, cut: bool, layers: int = _MOST_LAYERS) -> Iterable[str]:
    """Return the addresses in a text. If it was `cut` off, skip what is at its very end."""
    kind, start, end, _ = part
    type_, encoding, charset, _ = kind
    text = data[start:end]
    is_html = type_ == "text/html"
    if encoding:
        if encoding == "base64":
            text = decode_base64(text[: text.rfind(b"\n") + 1] if cut else text)
        elif encoding == "quoted-printable" and (is_html or _could_hold(text, kind)):
            text = decode_quoted_printable(text)
    if is_html or type_ == PLAIN:
        return find_addresses(text, charset, is_html=is_html, cut=cut)
    if type_ == HEADERS:
        return _read_header(text, cut=cut)
    return _read_message(text, cut=cut, layers=layers - 1) if layers else ()


def _could_hold(text: bytes, kind: Kind) -> bool:
    """Return whether a text that is not HTML could hold an ``@`` or `%40` once it is decoded."""
    if b"@" in text or b"=40" in text or b"%" in text or b"=25" in text:
        return True
    return kind.type in MESSAGES or not keeps_ascii(kind.charset)


def _read_header(text: bytes, *, cut: bool) -> Iterator[str]:
    fields = read_fields(text[: last_boundary(text)] if cut else text, _SHOWN_FIELDS)
    for values in fields.values():
        for value in values:
            if "@" in value or "=?" in value:
                yield from scan_text(decode_words(value))


def _read_message(message: bytes, *, cut: bool, layers: int) -> Iterator[str]:
    """Yield the addresses in a message that was encoded as a whole."""
    data = b"\n" + message.lstrip(b"\r\n")
    for part in find_texts(data, 1, _MESSAGE):
        yield from read_text(data, part, cut=cut and part.end == len(data), layers=layers)
