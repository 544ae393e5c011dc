"""A heavier mailbox: the corpus's messages with HTML twins and attachments, 20 KB each on average.

Most of today's mail is written as text and as HTML, and some has attachments. What is made depends only on the corpus
and on the seed, so that it is the same on every machine.
"""

import base64
import html
import random
import re
from collections.abc import Iterator
from typing import Final

from bench.corpus import read_corpus

SEED: Final = 20_261_201
ATTACHED_SHARE: Final = 0.25
"""How many of the messages have an attachment. Together with its size, this makes the average 20 KB."""
ATTACHMENT_BYTES: Final = (4_000, 48_000)
"""An attachment's shortest and longest size before base64."""
PARAGRAPH: Final = (
    b'<p style="margin:0 0 1em 0;font-family:Helvetica,Arial,sans-serif;font-size:14px;line-height:20px;color:#222222">'
)
_DESCRIBING: Final = re.compile(
    rb"^(?:content-[a-z-]+|mime-version):[^\n]*\n(?:[ \t][^\n]*\n)*", re.IGNORECASE | re.MULTILINE
)
_FIELD: Final = re.compile(rb"[!-9;-~]+:")
_CHARSET: Final = re.compile(rb"charset=\"?([\w-]+)", re.IGNORECASE)
_ENCODING: Final = re.compile(rb"content-transfer-encoding:[^\n]*\n", re.IGNORECASE)


def read_heavy() -> Iterator[bytes]:
    """Yield the heavier messages, always the same and in the same order; raise CorpusUnavailable."""
    for number, message in enumerate(read_corpus()):
        yield make_heavy(message, random.Random(SEED + number))


def make_heavy(message: bytes, chance: random.Random) -> bytes:
    """Return a message with an HTML twin of its text and, by chance, an attachment; its other fields stay as they are.

    A message that is not plain text has no twin. One without a header is returned as it is.
    """
    head, blank, body = message.partition(b"\r\n\r\n")
    if not blank or not _FIELD.match(head):
        return message
    head += b"\r\n"
    described = b"".join(_DESCRIBING.findall(head))
    parts = [described + b"\r\n" + body]
    if not any(kind in described.lower() for kind in (b"multipart", b"html", b"base64")):
        parts = [_join(b"alternative", [*parts, _make_twin(described, body)], chance)]
    if chance.random() < ATTACHED_SHARE:
        parts.append(_make_attachment(chance))
    return _DESCRIBING.sub(b"", head) + b"MIME-Version: 1.0\r\n" + _join(b"mixed", parts, chance)


def _join(kind: bytes, parts: list[bytes], chance: random.Random) -> bytes:
    boundary = b"----=_Part_%016x" % chance.getrandbits(64)
    head = b'Content-Type: multipart/%s; boundary="%s"\r\n\r\n' % (kind, boundary)
    return head + b"".join(b"--%s\r\n%s\r\n" % (boundary, part) for part in parts) + b"--%s--\r\n" % boundary


def _make_twin(described: bytes, body: bytes) -> bytes:
    """Return the text as HTML, as programs write it: one styled paragraph per line of text."""
    charset, encoding = _CHARSET.search(described), _ENCODING.search(described)
    is_quoted = encoding is not None and b"quoted" in encoding[0].lower()
    paragraph = PARAGRAPH.replace(b"=", b"=3D") if is_quoted else PARAGRAPH
    lines = html.escape(body.decode("latin-1")).encode("latin-1").split(b"\r\n")
    return b"".join(
        (
            b"Content-Type: text/html; charset=%s\r\n" % (charset[1] if charset else b"us-ascii"),
            encoding[0] if encoding else b"",
            b"\r\n<html><head><title></title></head><body>\r\n",
            *(paragraph + line + b"</p>\r\n" for line in lines if line),
            b"</body></html>\r\n",
        )
    )


def _make_attachment(chance: random.Random) -> bytes:
    content = base64.encodebytes(chance.randbytes(chance.randint(*ATTACHMENT_BYTES))).replace(b"\n", b"\r\n")
    return (
        b'Content-Type: application/pdf; name="report.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
        b'Content-Disposition: attachment; filename="report.pdf"\r\n\r\n' + content
    )
