"""Mail that nobody sends by accident: each message is meant to crash, hang or flood its reader."""

import random

WRONG_CHARSETS = (
    "nonsense",
    "utf-9",
    "\x00",
    "us-ascii-ish",
    "unicode-1-1-utf-7",
    "rot13",
    "zlib_codec",
    "idna",
    "hex",
)


def noise(size: int, seed: int) -> bytes:
    """Return random bytes."""
    return random.Random(seed).randbytes(size)


def huge_header(size: int = 10_000_000) -> bytes:
    """Return a message whose header is larger than the fetcher's limit."""
    folds = b"\r\n ".join([b"x" * 70] * (size // 73))
    return b"From: ann@acme.com\r\nTo: me@example.org\r\nX-Long: " + folds + b"\r\n\r\nhello\r\n"


def many_recipients(count: int = 100_000) -> bytes:
    """Return a message with `count` recipients."""
    people = ",\r\n ".join(f"Person {n} <p{n}@town.example>" for n in range(count))
    return f"Message-ID: <town@acme.com>\r\nFrom: mayor@acme.com\r\nTo: {people}\r\n\r\nhello\r\n".encode()


def deep_parts(depth: int = 10_000) -> bytes:
    """Return a message of multiparts nested `depth` levels deep."""
    head = b"Message-ID: <deep@acme.com>\r\nFrom: deep@acme.com\r\nTo: me@example.org\r\nMIME-Version: 1.0\r\n"
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (level, level) for level in range(depth)
    )
    return head + parts + b"Content-Type: text/plain\r\n\r\nwrite to bottom@acme.com\r\n"


def wrong_charsets() -> list[bytes]:
    """Return messages whose names and texts claim charsets that do not exist or are not text encodings."""
    return [
        (
            f"Message-ID: <charset{number}@acme.com>\r\nTo: me@example.org\r\n"
            f"From: =?{charset}?Q?J=E9?= <charset{number}@acme.com>\r\n"
            f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
            f"write to text{number}@acme.com =E9\r\n"
        ).encode("latin-1")
        for number, charset in enumerate(WRONG_CHARSETS)
    ]


def all_of_it() -> list[bytes]:
    """Return hostile messages of every kind."""
    return [
        noise(0, 0),
        noise(1, 1),
        noise(100_000, 2).replace(b"\n", b" "),
        b"\x00" * 5_000,
        b"@" * 300_000,
        b"From: " + b"<" * 200_000,
        b"To: " + b'"' * 200_001 + b"\r\n\r\n",
        b"From: " + b"(" * 100_000 + b"\r\n\r\n",
        b"Subject: =?" + b"?=" * 100_000 + b"\r\n\r\n",
        b"Content-Type: text/html\r\n\r\n" + b"<" * 300_000,
        b"Content-Type: text/html\r\n\r\n" + b"&" * 300_000,
        b"Content-Type: text/html\r\n\r\n<!--" + b"-" * 300_000,
        huge_header(),
        many_recipients(),
        deep_parts(),
        *wrong_charsets(),
    ]
