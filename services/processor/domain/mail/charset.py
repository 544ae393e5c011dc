"""Charsets and encoded words: turns the bytes of mail into text, whatever a message declares, and never raises."""

import re
from binascii import Error, a2b_base64, a2b_qp
from codecs import getincrementaldecoder
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from processor.domain.mail.charset_labels import find_codec, keeps_ascii
from processor.domain.mail.japanese import ESCAPED, decode_euc_jp, decode_iso_2022_jp

__all__ = [
    "decode_base64",
    "decode_raw",
    "decode_text",
    "decode_words",
    "find_codec",
    "has_raw",
    "keep_raw",
    "keeps_ascii",
]

_DEFAULT: Final = "cp1252"
_OWN_DECODERS: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType(
    {"euc_jp": decode_euc_jp, **dict.fromkeys(("iso2022_jp", "iso2022_jp_1", "iso2022_jp_2"), decode_iso_2022_jp)}
    | dict.fromkeys(("iso2022_jp_3", "iso2022_jp_2004", "iso2022_jp_ext"), decode_iso_2022_jp)
)
_CORRECTIONS: Final[Mapping[str, dict[int, str]]] = MappingProxyType(
    {
        "big5hkscs": {0x2022: "\u2027", 0xFF64: "\ufe51", 0x223C: "\uff5e"},
        "cp932": dict.fromkeys((0xF8F1, 0xF8F2, 0xF8F3), "\ufffd"),
        "koi8_u": {0x255D: "\u045e", 0x256C: "\u040e"},
    }
)
"""Characters of names in which the WHATWG encoding standard differs from Python's codecs."""

_BYTE_ORDERS: Final = MappingProxyType(
    {"utf_16": (b"\xfe\xff", b"\xff\xfe"), "utf_32": (b"\0\0\xfe\xff", b"\xff\xfe\0\0")}
)
"""The marks of both byte orders. Without one, the lowest byte is the first, as the WHATWG standard says."""

_WORD_START: Final = "=?"
_ENCODED_WORD: Final = re.compile(r"=\?([^?\s]{1,80}+)\?([bBqQ])\?([^?]*+(?>(?:\?(?!=)[^?]*+){0,3}))\?=")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")
_PADDED_INSIDE: Final = re.compile(rb"=[\s=]*[A-Za-z0-9+/]")
_RAW: Final = re.compile("[\udc80-\udcff]")
_RAW_VALUE: Final = re.compile('[^",;<>]+')
"""What is decoded as one. None of these marks is part of a character of more bytes, in any charset that keeps ASCII."""


def decode_text(data: bytes, charset: str = "", *, cut: bool = False) -> str:
    """Decode with the declared charset; with UTF-8, else Windows-1252, if it is unknown or not declared.

    A byte that the charset does not have becomes U+FFFD. If the text was `cut`, half a character at its end is dropped.
    """
    codec = find_codec(charset) if charset else None
    if codec == _DEFAULT and data.isascii():
        return data.decode("ascii")
    if codec:
        return _decode(data, codec, cut=cut)
    try:
        return getincrementaldecoder("utf-8")().decode(data) if cut else data.decode()
    except ValueError:
        return data.decode(_DEFAULT, "replace")


def _decode(data: bytes, codec: str, *, cut: bool) -> str:
    own = _OWN_DECODERS.get(codec)
    if codec in _BYTE_ORDERS:
        big_mark, little_mark = _BYTE_ORDERS[codec]
        codec += "_be" if data.startswith(big_mark) else "_le"
        data = data.removeprefix(big_mark).removeprefix(little_mark)
    try:
        if own:
            return own(data).rstrip("\ufffd") if cut else own(data)
        text = getincrementaldecoder(codec)("replace").decode(data) if cut else data.decode(codec, "replace")
    except (ValueError, LookupError):
        return data.decode(_DEFAULT, "replace")
    return text.translate(_CORRECTIONS[codec]) if codec in _CORRECTIONS else text


def keep_raw(value: str) -> str:
    """Return the bytes of a header's value, given as Latin-1, as text: UTF-8, with the other bytes as lone surrogates.

    Runs of ISO-2022-JP, which have their own escapes, are decoded.
    """
    text = value.encode("latin-1").decode("utf-8", "surrogateescape")
    return ESCAPED.sub(_decode_escaped, text) if "\x1b" in text else text


def _decode_escaped(match: re.Match[str]) -> str:
    return decode_iso_2022_jp(match[0].encode("utf-8", "surrogateescape"))


def has_raw(value: str) -> bool:
    """Return whether a value from `keep_raw` has bytes that are not UTF-8."""
    return _RAW.search(value) is not None


def decode_raw(value: str, charset: str = "") -> str:
    """Decode the bytes that `keep_raw` left: by the charset that the message declares for its text, else Windows-1252.

    Each name is decided by itself: those that are valid UTF-8 stay as they are. So do addresses whose local part is
    not UTF-8, as RFC 6531 demands: to guess would make up an address.
    """
    codec = find_codec(charset) or _DEFAULT
    if codec == "utf_8" or (codec not in _OWN_DECODERS and not keeps_ascii(charset)):
        codec = _DEFAULT

    def decode(text: str) -> str:
        return _decode(text.encode("utf-8", "surrogateescape"), codec, cut=False) if has_raw(text) else text

    def decode_value(match: re.Match[str]) -> str:
        if "@" not in match[0]:
            return decode(match[0])
        return " ".join(word if _has_raw_local(word) else decode(word) for word in match[0].split(" "))

    return _RAW_VALUE.sub(decode_value, value)


def _has_raw_local(word: str) -> bool:
    local, at, host = word.partition("@")
    return bool(at) and "." in host and has_raw(local)


def decode_base64(data: bytes) -> bytes:
    """Decode what can be decoded: skip other characters, pad a missing end, and go on behind padding."""
    if _PADDED_INSIDE.search(data):
        return b"".join(_decode_digits(_NOT_BASE64.sub(b"", digits)) for digits in data.split(b"="))
    try:
        return a2b_base64(data)
    except Error:
        return _decode_digits(_NOT_BASE64.sub(b"", data))


def _decode_digits(digits: bytes) -> bytes:
    whole = len(digits) - (len(digits) % 4 == 1)
    return a2b_base64(digits[:whole] + b"=" * (-whole % 4))


def decode_words(text: str) -> str:
    """Decode the encoded words of RFC 2047, also inside quotes and words.

    Adjacent words of one charset are decoded together, since a character's bytes may be split between them.
    """
    if _WORD_START not in text:
        return text
    out: list[str] = []
    charset, codec, pending, end = "", "", [b""], 0
    for word in _ENCODED_WORD.finditer(text):
        gap = text[end : word.start()]
        name = word[1]
        its_codec = find_codec(name) or name.lower()
        if its_codec != codec or (gap and not gap.isspace()):
            out.append(decode_text(b"".join(pending), charset))
            pending = []
        if gap and (end == 0 or not gap.isspace()):
            out.append(gap)
        charset, codec, end = name, its_codec, word.end()
        pending.append(_decode_word(word[2], word[3]))
    return "".join((*out, decode_text(b"".join(pending), charset), text[end:]))


def _decode_word(encoding: str, text: str) -> bytes:
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogatepass")
    return decode_base64(data) if encoding in "bB" else a2b_qp(data, header=True)
