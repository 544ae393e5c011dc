"""Raw bytes in address fields: each name is decided by itself, with the charset of the message's text in reserve."""

import pytest

from processor.domain.mail.message import read_message

PARTS = (
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: multipart/alternative; boundary=y\r\n\r\n"
    "--y\r\nContent-Type: text/plain; charset={0}\r\n\r\nhi\r\n--y--\r\n--x--\r\n"
)


def names(raw: bytes) -> list[str]:
    """Return the names that a message gives, in order."""
    message = read_message(raw, own=frozenset(), latest=1 << 40, with_text=False, truncated=False)
    return [name for point in message.points for name in point.names]


@pytest.mark.parametrize(
    "rest", ["Content-Type: text/plain; charset={0}\r\n\r\n", 'Content-Type: text/html; charset="{0}"\r\n\r\n', PARTS]
)
@pytest.mark.parametrize(
    ("charset", "codec", "name"),
    [
        ("gb2312", "gb18030", "\u5f20\u4e09"),
        ("Shift_JIS", "cp932", "\u8868 \u5c71"),
        ("big5", "big5hkscs", "\u8a31\u529f"),
        ("euc-kr", "cp949", "\ub620\ubc29"),
        ("koi8-r", "koi8_r", "\u0418\u0432\u0430\u043d"),
        ("windows-1251", "cp1251", "\u0418\u0432\u0430\u043d"),
        ("iso-8859-2", "iso8859_2", "\u0141ukasz"),
        ("iso-8859-9", "cp1254", "\u015eule \u0130nan"),
        ("us-ascii", "cp1252", "Ren\u00e9 O\u2019Neil"),
        ("utf-8", "cp1252", "Ren\u00e9"),
        ("utf-16", "cp1252", "Ren\u00e9"),
        ("x-nonsense", "cp1252", "Ren\u00e9"),
    ],
)
@pytest.mark.parametrize("form", ['"{}" <a@b.org>', "{} <a@b.org>", "a@b.org ({})"])
def test_the_charset_of_the_text(charset: str, codec: str, name: str, rest: str, form: str) -> None:
    """A name in raw bytes is in the charset that the message's first text declares, in a part or not."""
    raw = b"From: " + form.format(name).encode(codec) + b"\r\n" + rest.format(charset).encode()

    assert names(raw) == [name]


def test_each_name_is_decided_by_itself() -> None:
    """UTF-8 and another charset in one field are both read."""
    raw = b'To: "J\xc3\xa9r\xc3\xb4me" <a@b.org>, "Ren\xe9" <c@b.org>, Ang\xc3\xa8le <d@b.org>\r\n\r\n'

    assert names(raw) == ["J\u00e9r\u00f4me", "Ren\u00e9", "Ang\u00e8le"]


def test_escapes_in_raw_headers() -> None:
    """ISO-2022-JP in a header that was not encoded is read, folded or not, whatever the text is in."""
    raw = (
        b'From: "\x1b$B;3ED\x1b(B" <a@b.org>\r\nTo: \x1b$BB@O:\x1b(B\r\n <c@b.org>\r\n'
        b"Content-Type: text/plain; charset=koi8-r\r\n\r\n"
    )

    assert names(raw) == ["\u5c71\u7530", "\u592a\u90ce"]


def test_raw_local_parts_are_not_guessed() -> None:
    """A local part in bytes that are not UTF-8 is no address, but the others of the field are read."""
    message = read_message(
        b"To: \xa5\xbc@acme.com, jane@acme.com\r\n\r\n",
        own=frozenset(),
        latest=1 << 40,
        with_text=False,
        truncated=False,
    )

    assert [point.address for point in message.points] == ["jane@acme.com"]


def test_raw_ids_differ() -> None:
    """Messages whose Message-IDs differ only in a raw byte are two."""
    keys = {
        read_message(
            b"Message-ID: <%c@a>\r\n\r\n" % byte, own=frozenset(), latest=0, with_text=False, truncated=False
        ).key
        for byte in (0xE9, 0xEA)
    }

    assert len(keys) == 2
