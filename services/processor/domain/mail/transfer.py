"""Transfer encodings: turns the body of a part into the bytes that its charset is about."""

import re
from binascii import a2b_qp
from typing import Final

from processor.domain.mail.charset import decode_base64

_PADDED_BREAK: Final = re.compile(rb"=[ \t]++(?=\r?\n)")


def decode_transfer(text: bytes, encoding: str) -> bytes:
    """Decode a text from its transfer encoding. Unknown encodings change nothing."""
    if encoding == "base64":
        return decode_base64(text)
    if encoding == "quoted-printable":
        return decode_quoted_printable(text)
    return text


def decode_quoted_printable(text: bytes) -> bytes:
    """Decode quoted-printable. Blanks that were added to the end of a line do not count (RFC 2045, 6.7)."""
    padded = b"= " in text or b"=\t" in text
    return a2b_qp(_PADDED_BREAK.sub(b"=", text) if padded else text)
