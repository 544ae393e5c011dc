"""Charsets and encoded words: a superset behind its subset's name, bad bytes, split characters, odd padding."""

from base64 import b64encode

import pytest

from processor.domain.mail.charset import decode_base64, decode_raw, decode_text, decode_words, keep_raw


@pytest.mark.parametrize(
    ("label", "codec", "text"),
    [
        ("gb2312", "gb18030", "\u6731\u9555\u57fa"),
        ("gbk", "gb18030", "\u3402\u674e"),
        ("shift_jis", "cp932", "\u9ad9\u6a4b \u2460 \uf929"),
        ("iso-2022-jp", "iso2022_jp", "\u5c71\u7530 \u592a\u90ce"),
        ("euc-jp", "euc_jp", "\u5c71\u7530\uff71 \u4e02"),
        ("euc-kr", "cp949", "\ub620\ubc29\uac01\ud558"),
        ("ks_c_5601-1987", "cp949", "\ud587"),
        ("big5", "big5hkscs", "\u674e\u5c0f\u9f8d"),
        ("iso-8859-1", "cp1252", "O\u2019Brien \u20ac"),
        ("us-ascii", "cp1252", "O\u2019Brien"),
        ("iso-8859-9", "cp1254", "\u0130\u015e\u011e \u20ac"),
        ("tis-620", "cp874", "\u0e2a\u0e27\u0e31\u0e2a\u2026"),
        ("koi8-u", "koi8_u", "\u041e\u043b\u0435\u043a\u0441\u0456\u0439"),
        ("cp720", "cp720", "\u0645\u0631\u062d\u0628\u0627"),
        ("x-mac-ce", "mac_latin2", "\u0141ukasz"),
        ("windows-1258", "cp1258", "Nguy\u00ea\u0303n"),
        ("utf-7", "utf_7", "J\u00fcrgen"),
        ("utf-16", "utf_16", "J\u00fcrgen"),
        ("utf-16be", "utf_16_be", "J\u00fcrgen"),
        ("utf-16", "utf_16_le", "J\u00fcrgen"),
        ("utf-32", "utf_32_le", "J\u00fcrgen"),
        ("hz-gb-2312", "hz", "\u4f60\u597d"),
    ],
)
@pytest.mark.parametrize("encoding", ["B", "b", "Q", "q"])
def test_charsets_in_words(label: str, codec: str, text: str, encoding: str) -> None:
    """A word in a charset is read as its senders mean it, in both encodings."""
    data = text.encode(codec)
    written = b64encode(data).decode() if encoding in "bB" else "".join(f"={byte:02X}" for byte in data)

    assert decode_words(f"=?{label}?{encoding}?{written}?=") == text


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("utf-8", b"J\xc3\xbcrgen \xff Doe", "J\u00fcrgen \ufffd Doe"),
        ("utf-8", b"J\xe9r\xc3\xb4me", "J\ufffdr\u00f4me"),
        ("gb2312", b"\xd6\xec\xff\xbb\xf9", "\u6731\ufffd\u57fa"),
        ("shift_jis", b"\x8eR\xff\x93c", "\u5c71\ufffd\u7530"),
        ("euc-jp", b"\xbb\xb3\xff\xc5\xc4", "\u5c71\ufffd\u7530"),
        ("euc-kr", b"\xb1\xb3\xff", "\uad50\ufffd"),
        ("big5", b"\xa7\xf5\xff", "\u674e\ufffd"),
        ("iso-2022-jp", b"\x1b$B;3\xffED\x1b(B x", "\u5c71\ufffd\u7530 x"),
        ("windows-1252", b"Ren\x81\x8d\x8f\x90\x9d\xe9", "Ren\ufffd\ufffd\ufffd\ufffd\ufffd\u00e9"),
        ("windows-1253", b"\xc1\xd2\xc2", "\u0391\ufffd\u0392"),
        ("x-unknown", b"J\xc3\xbcrgen", "J\u00fcrgen"),
        ("x-unknown", b"J\xfcrgen\x92s", "J\u00fcrgen\u2019s"),
        ("", b"J\xc3\xbcrgen", "J\u00fcrgen"),
        ("", b"J\xfcrgen \x81", "J\u00fcrgen \ufffd"),
    ],
)
def test_bad_bytes(label: str, data: bytes, text: str) -> None:
    """One bad byte costs one character. Only an unknown charset is UTF-8, or else Windows-1252."""
    assert decode_text(data, label) == text


@pytest.mark.parametrize(
    ("label", "data", "text"),
    [
        ("utf-8", b"caf\xc3", "caf"),
        ("", b"caf\xc3", "caf"),
        ("gbk", b"\xd6\xec\xe9", "\u6731"),
        ("iso-2022-jp", b"\x1b$B;3E", "\u5c71"),
        ("euc-jp", b"\xbb\xb3\xc5", "\u5c71"),
        ("utf-16le", b"J\0\xfc", "J"),
        ("windows-1252", b"caf\xe9", "caf\u00e9"),
    ],
)
def test_cut_characters(label: str, data: bytes, text: str) -> None:
    """Half a character at the end of a text that was cut off is dropped."""
    assert decode_text(data, label, cut=True) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b$B-!|b\x1b(B", "\u2460\u9ad9"),
        (b"\x1b$@;3\x1b(Jx\\~\x1b(B", "\u5c71x\u00a5\u203e"),
        (b"\x1b(I1\x1b(B1", "\uff711"),
        (b'\x1b$(D"/\x1b(B', "\u02d8"),
        (b"\x1b$(CGQ\x1b$A::\x1b(B", "\ud55c\u6c49"),
        (b"\x1b$(Q.!\x1b(B", "\u4ff1"),
        (b"\x1b$B;3\nED", "\u5c71\n\u7530"),
        (b"a\x1bZb\x1b$B", "a\x1bZb"),
    ],
)
def test_iso_2022_jp(data: bytes, text: str) -> None:
    """ISO-2022-JP is read with the rows of NEC and IBM, and with its later character sets."""
    assert decode_text(data, "iso-2022-jp") == text


def test_iso_2022_jp_and_euc_jp_have_all_of_windows() -> None:
    """All characters of rows 1 to 94 of Windows' Japanese are read in ISO-2022-JP and EUC-JP."""
    for row in range(94):
        for cell in range(94):
            lead, trail = 0x81 + row // 2, 0x40 + cell + (94 + (cell < 0) if row % 2 else 0)
            trail += (trail >= 0x7F) if row % 2 == 0 else 1
            shifted = bytes((lead + (0x40 if lead >= 0xA0 else 0), trail))
            meant = shifted.decode("cp932", "replace")
            pair = bytes((row + 0x21, cell + 0x21))

            assert decode_text(b"\x1b$B" + pair + b"\x1b(B", "iso-2022-jp") == meant, shifted
            assert decode_text(bytes(byte | 0x80 for byte in pair), "euc-jp") == meant, shifted


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("=?utf-8?Q?J=C3?= =?utf-8?Q?=BCrgen?=", "J\u00fcrgen"),
        ("=?utf-8?B?SsM=?=\r\n =?utf-8?Q?=BCrgen?=", "J\u00fcrgen"),
        ("=?UTF-8?Q?J=C3?==?utf8?Q?=BCrgen?=", "J\u00fcrgen"),
        ("=?gb2312?B?1uzp?= =?GBK?B?Rrv5?=", "\u6731\u9555\u57fa"),
        ("=?iso-2022-jp?B?GyRCOzNFRBsoQg==?= =?iso-2022-jp?B?GyRCQkBPOhsoQg==?=", "\u5c71\u7530\u592a\u90ce"),
        ("=?utf-8?Q?a?= =?iso-8859-1?Q?=E9?=", "a\u00e9"),
        ("=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"),
        ("=?utf-8?Q?J=C3?= x =?utf-8?Q?=BCrgen?=", "J\ufffd x \ufffdrgen"),
        ("=?x-odd?Q?J=C3?= =?x-odd?Q?=BCrgen?=", "J\u00fcrgen"),
    ],
)
def test_adjacent_words(text: str, expected: str) -> None:
    """Adjacent words of one charset are decoded together, whatever it is called in them."""
    assert decode_words(text) == expected


@pytest.mark.parametrize(
    "text", ["SsO8cmdlbg==", "SsO8cmdlbg", "SsO8cmdlbg=", "SsO8cmdlbg===", " SsO8\r\ncmdlbg==\n", "SsO8cmdlbg==x"]
)
def test_odd_padding(text: str) -> None:
    """Base64 is read with too little and too much padding, and with white space."""
    assert decode_base64(text.encode())[:7] == "J\u00fcrgen".encode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("SsO8cmdlbiA=RG9l", "J\u00fcrgen Doe"), ("Sg==w7w=cmdlbg==", "J\u00fcrgen"), ("Sg= =cmdlbg", "Jrgen")],
)
def test_padding_inside(text: str, expected: str) -> None:
    """Base64 that was joined from several pieces is read behind their padding."""
    assert decode_base64(text.encode()).decode() == expected


@pytest.mark.parametrize(
    ("value", "charset", "expected"),
    [
        (
            b'"J\xc3\xa9r\xc3\xb4me" <a@b.org>, "Ren\xe9" <c@b.org>',
            "",
            '"J\u00e9r\u00f4me" <a@b.org>, "Ren\u00e9" <c@b.org>',
        ),
        (b"Ren\xe9, J\xc3\xb4", "utf-8", "Ren\u00e9, J\u00f4"),
        (b"Ren\xe9 O\x92Brien", "us-ascii", "Ren\u00e9 O\u2019Brien"),
        (b"\xd5\xc5\xc8\xfd", "gb2312", "\u5f20\u4e09"),
        (b'"\x95\\\x8eR", x', "shift_jis", '"\u8868\u5c71", x'),
        (b"\xe9\xd7\xc1\xce", "koi8-r", "\u0418\u0432\u0430\u043d"),
        (b"\xd5\xc5\xff\xc8\xfd", "gbk", "\u5f20\ufffd\u4e09"),
        (b"Ren\xe9", "utf-16", "Ren\u00e9"),
        (b"Ren\xe9", "x-unknown", "Ren\u00e9"),
        (
            b"\x1b$B;3ED\x1b(B <a@b.org>, \x1b$BB@O:\x1b(J <c@b.org>",
            "",
            "\u5c71\u7530 <a@b.org>, \u592a\u90ce <c@b.org>",
        ),
        (b"Ren\xe9 jane@m\xfcller.de", "", "Ren\u00e9 jane@m\u00fcller.de"),
        (b"Ren\xe9 \xe9t\xe9@acme.org", "", "Ren\u00e9 \udce9t\udce9@acme.org"),
    ],
)
def test_raw_values(value: bytes, charset: str, expected: str) -> None:
    """Raw bytes in a header are UTF-8 if valid, else what the text is in, decided for each name."""
    assert decode_raw(keep_raw(value.decode("latin-1")), charset) == expected
