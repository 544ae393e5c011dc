"""The reference's charsets: Python's own codecs, with the superset for each name of a subset."""

import codecs
from collections.abc import Callable
from email.errors import HeaderParseError
from email.header import decode_header

MEANT = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "tis-620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
}
"""What senders mean, by the name of Python's codec."""


def find_codec(label: str) -> str:
    """Return the name of the codec that a label means; an empty text for an unknown one."""
    try:
        found = codecs.lookup(label.partition("*")[0].strip())
        "".encode(found.name)
    except (LookupError, ValueError):
        return ""
    return MEANT.get(found.name, found.name)


def decode(data: bytes, label: str) -> str:
    """Decode as declared; with UTF-8, else Windows-1252, if the charset is unknown."""
    codec = find_codec(label)
    if codec:
        return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except ValueError:
        return data.decode("cp1252", "replace")


def decode_value(value: bytes, declared: Callable[[], str]) -> str:
    """Decode a header's value, piece by piece if it is not UTF-8: marks of address lists stand between pieces."""
    try:
        return value.decode("utf-8")
    except ValueError:
        pass
    out, piece, charset = "", b"", declared()
    for number in range(len(value) + 1):
        byte = value[number : number + 1]
        if byte and byte not in b'",;<>':
            piece += byte
        else:
            out += decode_piece(piece, charset) + byte.decode()
            piece = b""
    return out


def decode_piece(piece: bytes, charset: str) -> str:
    """Decode one piece of a value. What is before an @ must be UTF-8."""
    try:
        return piece.decode("utf-8")
    except ValueError:
        codec = find_codec(charset)
    words = piece.split(b" ") if b"@" in piece else [piece]
    legible = codec not in ("", "utf-8", "utf-7") and "@".encode(codec) == b"@"
    return " ".join(
        word.decode("utf-8", "replace")
        if b"@" in word and not is_utf_8(word.split(b"@")[0])
        else decode(word, codec if legible else "cp1252")
        for word in words
    )


def is_utf_8(data: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    return data.decode("utf-8", "replace").encode("utf-8", "replace") == data


def decode_words(text: str) -> str:
    """Decode encoded words with the standard library; leave text that it cannot read unchanged."""
    if "=?" not in text:
        return text
    try:
        pieces = decode_header(text)
    except (HeaderParseError, ValueError):
        return text
    out = ""
    for data, charset in pieces:
        raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
        out += decode(raw, charset) if charset else raw.decode("raw-unicode-escape", "replace")
    return out
