"""The right parts of a message are read as text, decoded as declared."""

import base64
import quopri

import pytest

from processor.domain.mail.message import read_message

ALTERNATIVE = (
    "Content-Type: multipart/alternative; boundary=alt\n\n"
    "--alt\n\n{plain}\n--alt\nContent-Type: text/html\n\n{html}\n--alt--\n"
)
HEADED = ["a@acme.com", "b@acme.com"]
QP_HTML = "Content-Type: text/html\nContent-Transfer-Encoding: quoted-printable"
BOUNCE = (
    "--y\n\nno@acme.com\n--y\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; no@acme.com\n"
    "--y\nContent-Type: message/rfc822\n\nTo: to@acme.com\n\n--y--"
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
        (ALTERNATIVE.format(plain="\u2014 \u00a0", html="<p>b@acme.com</p>"), ["b@acme.com"]),
        (ALTERNATIVE.format(plain="\u4e2d", html="<p>b@acme.com</p>"), []),
        (mixed(part("X: no@acme.com\nTo: a@acme.com\n\nb@acme.com", "Content-Type: message/rfc822")), HEADED),
        (
            mixed(part("Cc: a@acme.com,\n b@acme.com\nMessage-ID: <no@acme.com>", "Content-Type: message/rfc822")),
            HEADED,
        ),
        (mixed(part("Subject: a@acme.com\nFROM: =?utf-8?q?b=40acme.com?=\n", "Content-Type: message/rfc822")), HEADED),
        (
            mixed(
                part("To: a@acme.com\nContent-Type: message/rfc822\n\nTo: b@acme.com\n", "Content-Type: message/global")
            ),
            HEADED,
        ),
        ("Content-Type: message/rfc822\n\nTo: a@acme.com\n\nb@acme.com", HEADED),
        (mixed(part(BOUNCE, "Content-Type: multipart/report; report-type=delivery-status; boundary=y")), []),
        (
            mixed(part(BOUNCE, "Content-Type: multipart/report; report-type=feedback-report; boundary=y")),
            ["no@acme.com", "to@acme.com"],
        ),
        (mixed(part(mixed(part("a@acme.com")).replace("x", "xx"), "Content-Type: message/rfc822")), ["a@acme.com"]),
        ("Content-Type: multipart/mixed; boundary=never\n\na@acme.com\n--x\n", ["a@acme.com"]),
        ("Content-Type: multipart/mixed\n\na@acme.com", ["a@acme.com"]),
        ('Content-Type: multipart/mixed; boundary="a b"\n\n--a b \n\na@acme.com\n--a b--\n', ["a@acme.com"]),
        (
            "Content-Type: multipart/mixed; BOUNDARY = x\n\n--x\nContent-Type: text/html\n\na@acme.com\n--x",
            ["a@acme.com"],
        ),
        ("Content-Type: multipart/digest; boundary=x\n\n--x\n\nTo: a@acme.com\n\nb@acme.com\n--x--", HEADED),
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
        ("Content-Type: text/plain; charset=shift_jis", "\u3001a@acme.com\u3002".encode("shift_jis"), ["a@acme.com"]),
        ("Content-Type: text/plain; charset=shift_jis", "\u8868a@acme.com\u8868".encode("shift_jis"), []),
        ("Content-Type: text/html; charset=big5", "<p>\u3000a@acme.com\u3000</p>".encode("big5"), ["a@acme.com"]),
        (QP_HTML, b"<p>a&#64;ac=\r\nme.com b&#6=\r\n4;acme.com</p>", ["a@acme.com", "b@acme.com"]),
        (QP_HTML, b'<a href=3D"mailto:a%4=\r\n0acme.com">x</a>', ["a@acme.com"]),
        (QP_HTML, b"<p title=3Db@acme.com>a=26commat;acme.com</p>", ["a@acme.com"]),
        (
            "Content-Transfer-Encoding: quoted-printable",
            b"a@ac= \t\r\nme.com=20=\r\n,b=40acme.com",
            ["a@acme.com", "b@acme.com"],
        ),
        (
            "Content-Transfer-Encoding: quoted-printable",
            b"mailto:a%2=\r\n540acme.com mailto:b=2540acme.com",
            ["b@acme.com"],
        ),
        (
            "Content-Type: text/plain; charset=utf-7\nContent-Transfer-Encoding: quoted-printable",
            b"a+AEA-ac=\r\nme.com",
            ["a@acme.com"],
        ),
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


@pytest.mark.parametrize(
    ("fields", "plain", "expected"),
    [
        ("", "Hi", []),
        ("Content-Transfer-Encoding: quoted-printable\n", "=C2=A0=\n =E2=80=8B", ["b@acme.com"]),
        ("Content-Transfer-Encoding: quoted-printable\n", "=C3=A9", []),
        ("Content-Transfer-Encoding: quoted-printable\n", "=C2=A0hi", []),
        ("Content-Transfer-Encoding: base64\n", "wqANCg==", ["b@acme.com"]),
        ("Content-Transfer-Encoding: base64\n", "IA0K" * 400 + "eA==", []),
        ("Content-Type: text/plain; charset=utf-7\n", "+AKA-", ["b@acme.com"]),
        ("Content-Type: text/plain; charset=iso-8859-1\n", "-- * --", ["b@acme.com"]),
    ],
)
def test_plain_text_that_says_nothing(fields: str, plain: str, expected: list[str]) -> None:
    """A plain text without a letter or digit, once decoded, does not replace the HTML beside it."""
    raw = ALTERNATIVE.format(plain=plain, html="<p>b@acme.com</p>").replace("--alt\n\n", f"--alt\n{fields}\n", 1)

    assert found(raw) == expected


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
@pytest.mark.parametrize("layers", [1, 3])
def test_a_message_encoded_as_a_whole(encoding: str, layers: int) -> None:
    """An attached message that was encoded is read like any other, also within another one."""
    raw = b"From: a@acme.com\n\nb@acme.com=\n"
    for _ in range(layers):
        body = base64.encodebytes(raw) if encoding == "base64" else quopri.encodestring(raw)
        raw = f"Content-Type: message/rfc822\nContent-Transfer-Encoding: {encoding}\n\n".encode() + body

    assert found(b"X: y\n" + raw) == ["a@acme.com", "b@acme.com"]


def test_layers_of_encodings_end() -> None:
    """A message that is encoded many times over is not decoded to its end, since each time takes as long as it is."""
    raw = b"From: a@acme.com\n"
    for _ in range(20):
        raw = b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" + quopri.encodestring(
            raw
        )

    assert found(b"X: y\n" + raw) == []
