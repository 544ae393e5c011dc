"""ISO-2022-JP and EUC-JP as the WHATWG encoding standard reads them: with the rows of NEC and IBM, as Windows has them.

Python's codecs of these names lack those rows, but its cp932 has them, and cp932 numbers the same characters.
"""

import re
from collections.abc import Callable
from typing import Final

ESCAPED: Final = re.compile("\x1b(?:\\$(?:[@B]|\\([A-Z@])|\\([IJ])[^\x1b]*+(?>(?:\x1b(?!\\(B)[^\x1b]*+)*)(?:\x1b\\(B)?")
"""A run of ISO-2022-JP with its escapes, in text that was not decoded."""
_REPLACED: Final = "\ufffd"
_ESCAPE: Final = re.compile(rb"\x1b(\$\(?[@-Z]|[(.][@-Z])")
_EUC: Final = re.compile(
    rb"(?P<ascii>[\x00-\x7f]+)|(?P<kanji>(?:[\xa1-\xfe]{2})+)"
    rb"|(?P<kana>(?:\x8e[\xa1-\xdf])+)|(?P<more>(?:\x8f[\xa1-\xfe]{2})+)|.",
    re.DOTALL,
)
_RUNS: Final = re.compile(rb"((?:[\x21-\x7e]{2})+)|([\x00-\x20]+)|.", re.DOTALL)


def decode_iso_2022_jp(data: bytes) -> str:
    """Decode ISO-2022-JP, also its later kinds. What is not in them becomes U+FFFD, a byte at a time."""
    first, *rest = _ESCAPE.split(data)
    out = [_decode_ascii(first)]
    for escape, text in zip(rest[::2], rest[1::2], strict=True):
        out.append(_SETS.get(escape, _decode_ascii)(text))
    return "".join(out)


def decode_euc_jp(data: bytes) -> str:
    """Decode EUC-JP. A byte that is not in it becomes U+FFFD."""
    return "".join(_decode_euc_run(match.lastgroup, match[0]) for match in _EUC.finditer(data))


def _decode_euc_run(kind: str | None, run: bytes) -> str:
    if kind == "ascii":
        return run.decode("ascii")
    if kind == "kanji":
        return _decode_pairs(bytes(byte & 0x7F for byte in run))
    if kind == "kana":
        return run.replace(b"\x8e", b"").decode("cp932", "replace")
    return run.decode("euc_jp", "replace") if kind else _REPLACED


def _decode_ascii(text: bytes) -> str:
    return text.decode("ascii", "replace")


def _decode_roman(text: bytes) -> str:
    return _decode_ascii(text).replace("\\", "\u00a5").replace("~", "\u203e")


def _decode_kana(text: bytes) -> str:
    return "".join(chr(byte + 0xFF40) if 0x21 <= byte <= 0x5F else _other(byte) for byte in text)


def _other(byte: int) -> str:
    return chr(byte) if byte <= 0x20 else _REPLACED


def _decode_pairs(text: bytes) -> str:
    """Decode pairs of 7-bit bytes by JIS X 0208, which cp932 has at computed places."""
    return _by_pairs(text, lambda pairs: b"".join(map(_shift, pairs[::2], pairs[1::2])).decode("cp932", "replace"))


def _shift(row: int, cell: int) -> bytes:
    """Return a character of JIS X 0208 in Shift_JIS."""
    odd = row % 2
    lead = (row + (0xE1 if row < 0x5F else 0x161)) // 2
    return bytes((lead, cell + (0x1F + (cell > 0x5F)) if odd else cell + 0x7E))


def _in_codec(codec: str, before: bytes = b"") -> Callable[[bytes], str]:
    def decode(pairs: bytes) -> str:
        high = bytes(byte | 0x80 for byte in pairs)
        if before:
            high = b"".join(before + high[at : at + 2] for at in range(0, len(high), 2))
        return high.decode(codec, "replace")

    return lambda text: _by_pairs(text, decode)


def _by_pairs(text: bytes, decode: Callable[[bytes], str]) -> str:
    """Decode the runs of pairs in a text. Blanks and controls between them are themselves."""
    return "".join(
        decode(match[1]) if match[1] else match[2].decode("ascii") if match[2] else _REPLACED
        for match in _RUNS.finditer(text)
    )


_SETS: Final[dict[bytes, Callable[[bytes], str]]] = {
    b"(B": _decode_ascii,
    b"(J": _decode_roman,
    b"(I": _decode_kana,
    b"$@": _decode_pairs,
    b"$B": _decode_pairs,
    b"$(@": _decode_pairs,
    b"$(B": _decode_pairs,
    b"$(D": _in_codec("euc_jp", b"\x8f"),
    b"$(O": _in_codec("euc_jis_2004"),
    b"$(Q": _in_codec("euc_jis_2004"),
    b"$(P": _in_codec("euc_jis_2004", b"\x8f"),
    b"$A": _in_codec("gb18030"),
    b"$(A": _in_codec("gb18030"),
    b"$(C": _in_codec("cp949"),
}
"""The character sets of ISO-2022-JP (RFC 1468), -1 (RFC 2237), -2 (RFC 1554), -3 and -2004, by their escapes."""
