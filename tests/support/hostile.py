"""Mail designed to hurt a parser: each case grows with a number, and reading it must take time linear in it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final


def field(name: bytes, value: bytes) -> bytes:
    """Return a message with one field."""
    return name + b": " + value + b"\r\n\r\n"


def to(value: bytes) -> bytes:
    """Return a message with a To field and no body."""
    return field(b"To", value)


def text(body: bytes, kind: bytes = b"text/plain", encoding: bytes = b"7bit") -> bytes:
    """Return a message with a body of the given type and encoding."""
    head = b"From: a@b.com\r\nContent-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n"
    return head % (kind, encoding) + body


def html(body: bytes) -> bytes:
    """Return an HTML message; its encoded ``@`` rules out the parser's simple path."""
    return text(body + b" a@b.com &#64;", b"text/html")


def parts(body: bytes, boundary: bytes = b"x", kind: bytes = b"multipart/mixed") -> bytes:
    """Return a multipart message."""
    return text(body, kind + b"; boundary=" + boundary)


def nest(depth: int) -> bytes:
    """Return a message whose parts nest `depth` levels deep, with a text on each level."""
    part = b"--b%d\n\nx@example.com\n--b%d\nContent-Type: multipart/alternative; boundary=b%d\n\n"
    return parts(b"".join(part % (i, i, i + 1) for i in range(depth)), b"b0")


HOSTILE: Final[Mapping[str, Callable[[int], bytes]]] = MappingProxyType(
    {
        "recipients": lambda n: to(b", ".join(b"a%d@example.com" % i for i in range(n))),
        "recipients with names": lambda n: to(b", ".join(b'"X, Y" <a%d@example.com>' % i for i in range(n))),
        "recipients behind an open comment": lambda n: to(b"(" + b"a@example.com, " * n),
        "recipients behind an open quote": lambda n: to(b'"' + b"a@example.com, " * n),
        "a name of many pieces": lambda n: to(b"Doe, " * n + b"x@example.com"),
        "open quotes, escaped": lambda n: to(b'x@b.com, "' + b'\\"' * n),
        "quotes": lambda n: to(b'"' * n + b"x@example.com"),
        "quoted local parts": lambda n: to(b'"a"@ ' * n),
        "open comments": lambda n: to(b"(" * n + b"x@example.com"),
        "comments in comments": lambda n: to(b"(" * n + b")" * (n - 1) + b"x@example.com"),
        "comments": lambda n: to(b"()" * n + b"x@example.com"),
        "open brackets": lambda n: to(b"<x" * n + b"x@example.com"),
        "brackets": lambda n: to(b"<a@b.com>" * n),
        "words with at": lambda n: to(b"a@ " * n),
        "at": lambda n: to(b"@" * n),
        "groups": lambda n: to(b"a:b;" * n),
        "open encoded words": lambda n: to(b"=?a?q?b " * n + b"x@example.com"),
        "open encoded words in quotes": lambda n: to(b'"' + b"=?a?q?" * n + b'" <x@example.com>'),
        "encoded words": lambda n: to(b"=?utf-8?q?b?= " * n + b"<x@example.com>"),
        "unknown charsets": lambda n: to(b"".join(b"=?c%d?q?x?= <a%d@b.com>, " % (i, i) for i in range(n))),
        "entities in a name": lambda n: to(b'"' + b"&amp;amp;" * n + b'" <x@example.com>'),
        "blanks": lambda n: to(b" " * n + b"x" + b" " * n + b"@example.com"),
        "a long local part": lambda n: to(b"a." * n + b"@example.com"),
        "a long host": lambda n: to(b"a@" + b"a-" * n + b".com"),
        "an IDN host": lambda n: to(b"a@" + "\u00e9.".encode() * n + b"com"),
        "IDN hosts": lambda n: to("a@\u00e9.com, ".encode() * n),
        "plus parts": lambda n: to(b"".join(b"a+%d@b.com," % i for i in range(n))),
        "names of one": lambda n: to(b"".join(b"N%d <a@b.com>," % i for i in range(n))),
        "a long field": lambda n: field(b"Subject", b"x" * 10 * n),
        "folds": lambda n: to(b"\r\n " * n + b"a@b.com"),
        "folds at the end": lambda n: b"To: a@b.com\r\n" + b" \r\n" * n + b"garbage\r\n\r\n",
        "fields": lambda n: b"To: a@b.com\r\n" * n + b"\r\n",
        "lines that are no fields": lambda n: b"To: a@b.com\r\n" + b"X\r\n" * n + b"\r\n",
        "fields without an end": lambda n: b"To: a@b.com\r\n" + b"X:\r\n" * n,
        "carriage returns": lambda n: b"To: a@b.com" + b"\r" * n + b"x",
        "line feeds": lambda n: b"\n" * n,
        "NULs": lambda n: b"\0" * n + b"To: a@b.com\r\n\r\n",
        "doubled carriage returns": lambda n: b"To: a@b.com\r\r\n" * n + b"\r\r\n",
        "a long name of a field": lambda n: b"to" + b" " * n + b"y\r\n\r\n",
        "open ids": lambda n: field(b"References", b"<x" * n),
        "dates": lambda n: b"Date: 1 Jan 2020 1\r\n" * n + b"Date: " + b"(" * n + b"\r\n\r\n",
        "parameters": lambda n: text(b"x@example.com", b"text/plain;" + b" charset" * n),
        "an open boundary": lambda n: text(b"x@example.com", b'multipart/x; boundary="' + b"\\" * n),
        "a long charset": lambda n: text(b"\xff a@b.com", b"text/plain; charset=" + b"x" * n),
        "at in a text": lambda n: text(b"@" * n),
        "addresses in a text": lambda n: text(b"a@b.com " * n),
        "one word of addresses": lambda n: text(b"a@b.c" * n),
        "a long word": lambda n: text(b"a" * n + b"@example.com"),
        "letters around addresses": lambda n: text("a@b.com\u00e9 ".encode() * (n // 4)),
        "tags": lambda n: html(b"<a " * n),
        "attributes": lambda n: html(b"<a a@b.com" * n),
        "one tag": lambda n: text(b"<a " + b"a@b.com " * n, b"text/html"),
        "one link": lambda n: text(b"<a mailto:" + b"a@b.com " * n, b"text/html"),
        "brackets without tags": lambda n: html(b"> a@b.com < " * n),
        "open comments in HTML": lambda n: html(b"<!--" * n),
        "open scripts": lambda n: html(b"<script" * n),
        "links": lambda n: html(b"<a " + b"mailto:" * n + b">"),
        "links with codes": lambda n: text(b"mailto:" * n + b"%40 a@b.com", b"text/html"),
        "a link to many": lambda n: html(b"<a href=mailto:" + b"a@b.com," * n + b">"),
        "entities": lambda n: html(b"&#0" * n),
        "addresses as tags": lambda n: html(b"<a@" * n),
        "soft line breaks": lambda n: text(b"=\r\n" * n + b"a@b.com", b"text/plain", b"quoted-printable"),
        "blanks in quoted-printable": lambda n: text(b" " * n + b"a@b.com", b"text/plain", b"quoted-printable"),
        "padding": lambda n: text(b"=" * n + b"a@b.com", b"text/plain", b"base64"),
        "broken base64": lambda n: text(b"YUBiLmNvbSA\n" * n, b"text/plain", b"base64"),
        "UTF-7": lambda n: text(b"+AEA-" * n, b"text/plain; charset=utf-7"),
        "UTF-16": lambda n: text(("a@b.com " * n).encode("utf-16"), b"text/plain; charset=utf-16"),
        "escapes": lambda n: text(b"\x1b$B" * n, b"text/plain; charset=iso-2022-jp"),
        "dashes": lambda n: parts(b"\n--" * n),
        "parts": lambda n: parts(b"--x\n\na@b.com\n" * n),
        "parts without empty lines": lambda n: parts(b"--x\nfoo\n" * n),
        "parts within parts": nest,
        "parts of one boundary": lambda n: parts(b"--x\nContent-Type: multipart/mixed; boundary=x\n\n" * n),
        "messages in messages": lambda n: text(b"Content-Type: message/rfc822\n\n" * n, b"message/rfc822"),
        "messages without ends": lambda n: text(b"Content-Type: message/rfc822\n" * n, b"message/rfc822"),
        "digests": lambda n: parts(b"--x\n\n" * n, kind=b"multipart/digest"),
    }
)
