"""Charset labels: each label that mail uses gives the codec that senders mean by it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from processor.domain.mail.charset import decode_text
from processor.domain.mail.charset_labels import find_codec, keeps_ascii

LABELS: Final[dict[str, dict[str, list[str]]]] = json.loads(
    Path(__file__).with_name("charset_labels.json").read_bytes()
)
SUPERSETS: Final = {
    "ascii": "cp1252",
    "latin_1": "cp1252",
    "iso8859_9": "cp1254",
    "tis_620": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "big5": "big5hkscs",
    "utf_16_le": "utf_16",
}
"""What a subset's name means, by Python's codecs. Those of UTF-16 differ only in whether they look for a byte order."""
WHATWG: Final = {
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "iso-8859-8-i": "iso8859_8",
    "macintosh": "mac_roman",
    "x-mac-cyrillic": "mac_cyrillic",
    "ibm866": "cp866",
    "utf-16le": "utf_16",
    "utf-16be": "utf_16_be",
    **{f"windows-{number}": f"cp{number}" for number in (874, *range(1250, 1259))},
    **{f"iso-8859-{number}": f"iso8859_{number}" for number in (*range(2, 9), 10, 13, 14, 15, 16)},
}
"""Python's codec for those encodings of the standard that it calls by another name."""


def meant() -> Iterator[Any]:
    """Yield each label with the codec that it means."""
    for encoding, labels in LABELS["whatwg"].items():
        for label in labels:
            yield pytest.param(label, WHATWG.get(encoding, encoding.replace("-", "_").replace("iso_", "iso")), id=label)
    for source in ("iana", "mail"):
        for codec, labels in LABELS[source].items():
            for label in labels:
                yield pytest.param(label, SUPERSETS.get(codec, codec), id=f"{source} {label}")


@pytest.mark.parametrize(("label", "codec"), list(meant()))
def test_labels(label: str, codec: str) -> None:
    """Each label of the standard, of IANA and of mail programs is known, in any case and with other marks."""
    spellings = (label, label.upper(), f" {label} ", label.replace("-", "_"), f"{label}*en")

    assert {find_codec(spelling) for spelling in spellings} == {codec}


def test_every_codec_exists() -> None:
    """Python has every codec in the table, and each decodes any byte without an error."""
    codecs = {
        find_codec(label) or "" for source in ("iana", "mail") for each in LABELS[source].values() for label in each
    }

    for codec in codecs:
        for byte in range(256):
            assert isinstance(decode_text(bytes((byte, 65)), codec), str)
            bytes((byte,)).decode(codec, "replace")


@pytest.mark.parametrize(
    "label", ["", "nonsense", "x-user-defined", "hex", "rot13", "idna", "..", "\xff", "8859", "x" * 65]
)
def test_unknown_labels(label: str) -> None:
    """What is no charset has no codec, however it is called."""
    assert find_codec(label) is None


@pytest.mark.parametrize(
    ("label", "keeps"),
    [("utf-8", True), ("gbk", True), ("x-unknown", True), ("utf-16", False), ("UTF-7", False), ("csISO2022JP", False)],
)
def test_charsets_that_keep_ascii(label: str, keeps: bool) -> None:
    """In nearly all charsets an ASCII byte means its character; those where it may not are known."""
    assert keeps_ascii(label) is keeps
