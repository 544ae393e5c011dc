"""The right parts of a message are read as text, decoded as declared."""

import base64

import pytest

from processor.domain.mail.message import read_message

ALTERNATIVE = (
    "Content-Type: multipart/alternative; boundary=alt\n\n"
    "--alt\n\n{plain}\n--alt\nContent-Type: text/html\n\n{html}\n--alt--\n"
)


def found(raw: str | bytes) -> list[str]:
    """Return the addresses in the text of a message."""
    data = raw.encode() if isinstance(raw, str) else raw
    message = read_message(b"X: y\n" + data, own=frozenset(), latest=1 << 40, with_text=True, truncated=False)
    return [point.address for point in message.points]


def part(text: str, fields: str = "") -> str:
    """Return a part between boundaries named x."""
    return f"--x\n{fields}\n\n{text}\n" if fields else f"--x\n\n{text}\n"


def mixed(*parts: str) -> str:
    """Return a message of parts, with a preamble and an epilogue that are not text."""
    return f'Content-Type: multipart/mixed; boundary="x"\n\nno@acme.com\n{"".join(parts)}--x--\nno@acme.com\n'


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (ALTERNATIVE.format(plain="a@acme.com", html="<p>b@acme.com</p>"), ["a@acme.com"]),
        (ALTERNATIVE.format(plain=" \t", html="<p>b@acme.com</p>"), ["b@acme.com"]),
        (mixed(part("a@acme.com"), part("b@acme.com", "Content-Type: text/html")), ["a@acme.com", "b@acme.com"]),
        (mixed(part("a@acme.com"), part("b@acme.com", "Content-Disposition: attachment; filename=x")), ["a@acme.com"]),
        (mixed(part("a@acme.com", "Content-Disposition: inline")), ["a@acme.com"]),
        (mixed(part("a@acme.com", "Content-Type: image/png")), []),
        (mixed(part("a@acme.com", "Content-Type: nonsense")), ["a@acme.com"]),
        (mixed(part("b: no@acme.com\n\na@acme.com", "Content-Type: message/rfc822")), ["a@acme.com"]),
        (mixed(part(mixed(part("a@acme.com")).replace("x", "xx"), "Content-Type: message/rfc822")), ["a@acme.com"]),
        ("Content-Type: multipart/mixed; boundary=never\n\na@acme.com\n--x\n", ["a@acme.com"]),
        ("Content-Type: multipart/mixed\n\na@acme.com", ["a@acme.com"]),
        ('Content-Type: multipart/mixed; boundary="a b"\n\n--a b \n\na@acme.com\n--a b--\n', ["a@acme.com"]),
        (
            "Content-Type: multipart/mixed; BOUNDARY = x\n\n--x\nContent-Type: text/html\n\na@acme.com\n--x",
            ["a@acme.com"],
        ),
        ("Content-Type: multipart/digest; boundary=x\n\n--x\n\nTo: no@acme.com\n\na@acme.com\n--x--", ["a@acme.com"]),
        ("Content-Type: text/calendar\n\na@acme.com", []),
        ("Content-Type: application/pdf\n\na@acme.com", []),
    ],
)
def test_texts(raw: str, expected: list[str]) -> None:
    """Plain text is read, HTML only without plain text beside it, also in nested messages, but never attachments."""
    assert found(raw) == expected
    assert found(raw.replace("\n", "\r\n")) == expected


@pytest.mark.parametrize(
    ("head", "body", "expected"),
    [
        ("Content-Transfer-Encoding: base64", base64.encodebytes(b"a@acme.com"), ["a@acme.com"]),
        ("Content-Transfer-Encoding: BASE64", b"YUBhY21lLmNvbQ", ["a@acme.com"]),
        ("Content-Transfer-Encoding: quoted-printable", b"a=40acme.=\r\ncom", ["a@acme.com"]),
        ("Content-Transfer-Encoding: 7bit", b"a=40acme.com", []),
        ("Content-Transfer-Encoding: nonsense", b"a@acme.com", ["a@acme.com"]),
        ("Content-Type: text/plain; charset=utf-16le", "a@acme.com".encode("utf-16le"), ["a@acme.com"]),
        ("Content-Type: text/plain; charset=utf-7", b"a+AEA-acme.com", ["a@acme.com"]),
        (
            "Content-Type: text/plain; charset=iso-2022-jp",
            "\u65e5 a@acme.com \u65e5".encode("iso-2022-jp"),
            ["a@acme.com"],
        ),
        ("Content-Type: text/plain; charset=shift_jis", "\u8868a@acme.com\u8868".encode("shift_jis"), ["a@acme.com"]),
        ("Content-Type: text/plain; charset=koi8-r", "\u0434a@acme.com b@acme.com".encode("koi8-r"), ["b@acme.com"]),
        ("Content-Type: text/plain; charset=nonsense", "jan\u00e9@acme.com a@acme.com".encode(), ["a@acme.com"]),
        ("Content-Type: text/plain; charset=us-ascii", b"jan\xe9@acme.com\xa0a@acme.com", ["a@acme.com"]),
    ],
)
def test_decoding(head: str, body: bytes, expected: list[str]) -> None:
    """A text is decoded only as its part declares. An unknown charset is read as UTF-8, or else as Latin-1."""
    assert found(head.encode() + b"\r\n\r\n" + body) == expected


def test_boundaries_that_begin_alike() -> None:
    """A boundary that is a prefix of another one does not end the other's parts."""
    inner = "--x1\n\na@acme.com\n--x1\n\nb@acme.com\n--x1--\n"
    raw = mixed(part(inner, "Content-Type: multipart/mixed; boundary=x1"), part("c@acme.com"))

    assert found(raw) == ["a@acme.com", "b@acme.com", "c@acme.com"]


def test_empty_line_before_one_with_a_carriage_return() -> None:
    """The first of two empty lines ends a part's header, whatever the line ends, so the message in it has no header."""
    raw = "--x\nContent-Type: message/rfc822\n\n\r\nTo: a@acme.com\n\nb@acme.com\n--x--\n"

    addresses = found(f"Content-Type: multipart/mixed; boundary=x\n\n{raw}")

    assert addresses == ["a@acme.com", "b@acme.com"]
