"""What the fuzzer starts from: pieces of odd and real messages, by target, and the tokens that it tries to insert."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

CORPORA: Final = Path(__file__).parents[1] / "corpora"
LONGEST: Final = 8_192
"""Mutating a longer input takes more time than it is worth."""

_FIELD: Final = re.compile(rb"(?im)^(?:from|to|cc|bcc|reply-to|list-post):((?:[^\n]|\n[ \t])*)")
_WORD: Final = re.compile(rb"=\?[^\s<>\"]+\?=(?:\s+=\?[^\s<>\"]+\?=)*")
_BODY: Final = re.compile(rb"\r?\n\r?\n")

TOKENS: Final = (
    *("@", ".", "@example.org", "jane@example.org", "+", "mailto:", "SMTP:", "https://", "%40", "&#64;", "&commat;"),
    *("=?utf-8?q?", "=?gb2312?b?", "=?iso-2022-jp?B?", "?=", "=?utf-8?q?=40?=", "&amp;", "&quot;", "&#0;", "xn--"),
    *("<b>", "</b>", "<wbr>", "<!--", "-->", "<a href=", "<script", "<br>", "=\r\n", "=3D", "\r\n ", "\r\n\r\n", "\0"),
    *("From: ", "To: ", "Date: ", "Message-ID: <", "References: <", "Reply-To: ", "List-Post: <mailto:", "X-Job: "),
    *(
        "Content-Type: text/html\r\n",
        "Content-Type: text/plain; charset=utf-16\r\n",
        "Content-Type: message/rfc822\r\n",
    ),
    *("Content-Type: multipart/alternative; boundary=x\r\n\r\n--x\r\n", "--x--", "charset=iso-2022-jp", "utf-7", "hz"),
    *("Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "cid:", "sip:"),
    *("\u200b", "\u00ad", "\u202a", "\ufeff", "\u0301", "\u00e9", "\u00df", "\u6797", "\uff20", "\u3002", "\u2019"),
    *('"', "\\", "(", ")", "<", ">", ",", ";", ":", "'", " via ", "undisclosed-recipients:;", "Jane", "_", "--", "/"),
)


def read_corpora() -> Iterator[bytes]:
    """Yield the odd and real messages."""
    for name in ("edge", "real_mail"):
        for path in sorted((CORPORA / name).glob("*.eml")):
            yield path.read_bytes()


def _bodies(raw: bytes) -> list[bytes]:
    return _BODY.split(raw, maxsplit=1)[1:]


PIECES: Final[Mapping[str, Callable[[bytes], list[bytes]]]] = MappingProxyType(
    {
        "message": lambda raw: [raw],
        "addresses": lambda raw: [value.strip() for value in _FIELD.findall(raw)],
        "text": _bodies,
        "words": _WORD.findall,
    }
)


def seeds(target: str) -> list[bytes]:
    """Return the pieces that a target starts from, each once, in order."""
    pieces = (piece for raw in read_corpora() for piece in PIECES[target](raw))
    return list(dict.fromkeys(piece for piece in pieces if 0 < len(piece) <= LONGEST))


def dictionary() -> str:
    """Return the tokens in libFuzzer's format."""
    escaped = ("".join(f"\\x{byte:02X}" for byte in token.encode()) for token in TOKENS)
    return "".join(f'"{token}"\n' for token in escaped)
