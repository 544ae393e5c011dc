"""Charsets and encoded words: turns the bytes of mail into text, whatever a message declares, and never raises.

A message's charset name is looked up in a table that is fixed at import. It never reaches the codec registry, which
would look for a module of that name, remember every wrong name, and accept codecs that are not charsets.
"""

import re
from binascii import Error, a2b_base64, a2b_qp
from collections.abc import Mapping
from encodings.aliases import aliases
from types import MappingProxyType
from typing import Final

_NO_CHARSETS: Final = frozenset({"mbcs", "oem", "rot_13", "tactis"})
_FURTHER_NAMES: Final = {
    "cp_850": "cp850",
    "iso_8859_8_e": "iso8859_8",
    "iso_8859_8_i": "iso8859_8",
    "unicode_1_1_utf_7": "utf_7",
    "unicode_1_1_utf_8": "utf_8",
    "utf_8_sig": "utf_8_sig",
    "utf8mb4": "utf_8",
    "windows_31j": "cp932",
    "windows_874": "cp874",
    "x_euc_jp": "euc_jp",
    "x_gbk": "gbk",
    "x_mac_roman": "mac_roman",
    "x_sjis": "shift_jis",
    "x_windows_949": "cp949",
}
_CODECS: Final[Mapping[str, str]] = MappingProxyType(
    {
        name: codec
        for name, codec in (*((codec, codec) for codec in aliases.values()), *aliases.items(), *_FURTHER_NAMES.items())
        if codec not in _NO_CHARSETS and not codec.endswith("_codec")
    }
)
_ODD_CODECS: Final = re.compile(r"utf_(?:7|16|32)|iso2022|hz|cp(?:037|273|424|500|875|1026|1140)$")
"""Codecs in which an ASCII byte can mean a different character."""
_COMMON: Final = frozenset({"", "us-ascii", "utf-8", "iso-8859-1", "iso-8859-15", "windows-1252"})
_NOT_IN_NAMES: Final = re.compile(r"[^a-z0-9]+")
_MAX_NAME: Final = 64

_ENCODED_WORD: Final = re.compile(r"=\?([^?\s]{1,80}+)\?([bBqQ])\?([^?]*+(?>(?:\?(?!=)[^?]*+){0,3}))\?=")
_NOT_BASE64: Final = re.compile(rb"[^A-Za-z0-9+/]+")


def find_codec(charset: str) -> str | None:
    """Return Python's codec for a charset name as written in mail, or None for an unknown one."""
    if len(charset) > _MAX_NAME:
        return None
    return _CODECS.get(_NOT_IN_NAMES.sub("_", charset.partition("*")[0].lower()).strip("_"))


def keeps_ascii(charset: str) -> bool:
    """Return whether ASCII bytes always mean ASCII characters in a charset, as in all but a few."""
    if charset.lower() in _COMMON:
        return True
    codec = find_codec(charset)
    return codec is None or not _ODD_CODECS.match(codec)


def decode_text(data: bytes, charset: str = "", *, cut: bool = False) -> str:
    """Decode with the declared charset, else UTF-8, else Latin-1. If the text was `cut`, drop half a character."""
    codec = find_codec(charset) if charset else None
    for tried in (codec, "utf-8"):
        if tried:
            try:
                return data.decode(tried, "ignore" if cut and tried == codec else "strict")
            except (ValueError, LookupError):
                continue
    return data.decode("latin-1")


def decode_base64(data: bytes) -> bytes:
    """Decode what can be decoded: skip other characters, and pad a missing end."""
    try:
        return a2b_base64(data)
    except Error:
        digits = _NOT_BASE64.sub(b"", data)
        whole = len(digits) - (len(digits) % 4 == 1)
        return a2b_base64(digits[:whole] + b"=" * (-whole % 4))


def decode_words(text: str) -> str:
    """Decode the encoded words of RFC 2047, also inside quotes and words, and join adjacent ones."""
    if "=?" not in text:
        return text
    out: list[str] = []
    charset, pending, end = "", [b""], 0
    for word in _ENCODED_WORD.finditer(text):
        gap = text[end : word.start()]
        name = word[1].partition("*")[0].lower()
        if name != charset or (gap and not gap.isspace()):
            out.append(decode_text(b"".join(pending), charset))
            pending = []
        if gap and (end == 0 or not gap.isspace()):
            out.append(gap)
        charset, end = name, word.end()
        pending.append(_decode_word(word[2], word[3]))
    return "".join((*out, decode_text(b"".join(pending), charset), text[end:]))


def _decode_word(encoding: str, text: str) -> bytes:
    try:
        data = text.encode("latin-1")
    except UnicodeEncodeError:
        data = text.encode("utf-8", "surrogatepass")
    return decode_base64(data) if encoding in "bB" else a2b_qp(data, header=True)
