"""The addresses in the text of a part, which is decoded only as the part declares."""

from binascii import a2b_qp
from collections.abc import Iterable

from processor.domain.mail.charset import decode_base64
from processor.domain.mail.mime import TextPart
from processor.domain.mail.text_addresses import find_addresses


def read_text(data: bytes, part: TextPart, *, cut: bool) -> Iterable[str]:
    """Return the addresses in a text. If it was `cut` off, skip what is at its very end."""
    kind = part.kind
    text = data[part.start : part.end]
    if kind.encoding == "base64":
        text = decode_base64(text[: text.rfind(b"\n") + 1] if cut else text)
    elif kind.encoding == "quoted-printable" and (b"@" in text or b"=40" in text):
        text = a2b_qp(text)
    return find_addresses(text, kind.charset, is_html=kind.type == "text/html", cut=cut)
