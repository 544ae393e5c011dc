"""Mail designed to hurt a parser: each case grows with a number, and reading it must take time linear in it."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

ALTERNATIVE: Final = b"multipart/alternative"


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


def name(value: bytes) -> bytes:
    """Return a message whose only sender has a name, if it has few enough bytes that it is read at all."""
    return field(b"From", value + b" <x@example.com>")


def many(value: Callable[[int], bytes], n: int, size: int) -> bytes:
    """Return recipients whose names have `size` repetitions each, so that a limit on a name's length hides nothing."""
    return to(b", ".join(b"%s <a%d@example.com>" % (value(size), i) for i in range(max(n // size, 1))))


def words(data: bytes, charset: bytes = b"utf-8") -> bytes:
    """Return bytes as one encoded word in base64."""
    return b"=?" + charset + b"?b?" + b64encode(data) + b"?="


Cases = Mapping[str, Callable[[int], bytes]]

ENCODED: Final[Cases] = {
    "one long encoded word": lambda n: name(words(b"\xe9\xac" * n)),
    "a long encoded word in Q": lambda n: name(b"=?utf-8?q?" + b"=C3" * n + b"?="),
    "a whole encoded list": lambda n: to(words(b"Jane <a@example.com>, " * n)),
    "a recipient in each encoded word": lambda n: to(b", ".join([words(b"Jane <a@example.com>")] * n)),
    "encoded local parts": lambda n: to(b"=?utf-8?q?jane?=@example.com, " * n),
    "words in words": lambda n: many(lambda size: words(b"=?utf-8?q?a" * size), n, 30),
    "charsets in turn": lambda n: to(b"".join(words(b"\xb1\xa1", c) for c in (b"gb2312", b"koi8-u") * n)),
    "half characters": lambda n: name(b" ".join([words(b"\xe4", b"gb2312")] * n)),
    "shifts of ISO-2022-JP": lambda n: name(words(b"\x1b$B\x1b(B" * n, b"iso-2022-jp")),
    "raw shifts of ISO-2022-JP": lambda n: name(b"\x1b$B;3\x1b(B" * n),
    "raw bytes beyond ASCII": lambda n: to(b"\xd5\xc5 <a@example.com>, " * n),
    "raw and valid bytes": lambda n: to(b'"J\xc3\xa9" <a@example.com>, "J\xe9" <b@example.com>, ' * n),
    "question marks in a word": lambda n: name(b"=?utf-8?q?" + b"?" * n + b"?="),
    "beginnings of words": lambda n: to(b"=?" * n + b" <x@example.com>"),
    "entities in names": lambda n: many(lambda size: b"&amp;" * size, n, 100),
    "entities of entities": lambda n: many(lambda size: b"&" + b"amp;" * size, n, 100),
    "combining marks": lambda n: name(b"e" + "\u0301\u0316".encode() * n),
    "names of combining marks": lambda n: many(lambda size: b"e" + "\u0316\u0301".encode() * size, n, 100),
    "invisible characters": lambda n: to("\u200b".encode() * n + b"a@example.com"),
    "invisible characters inside addresses": lambda n: to("a\u200b@example.com, ".encode() * n),
    "vias": lambda n: many(lambda size: b"a" + b" via b" * size, n, 40),
    "services": lambda n: many(lambda size: b"Jane" + b" (Google Drive)" * size, n, 15),
    "quotes in names": lambda n: many(lambda size: b"'" * size + b"Jane" + b"'" * size, n, 100),
    "commas in names": lambda n: to(b"Doe, " * 5 * n + b" <x@example.com>, " * n),
}
"""Encoded words, charsets and names."""

ADDRESSED: Final[Cases] = {
    "comments beside the at": lambda n: to(b"a(x)@(y)example.com, " * n),
    "a nested comment beside the at": lambda n: to(b"a" + b"(" * n + b")" * n + b"@example.com"),
    "open comments beside the at": lambda n: to(b"a@example.com(" * n),
    "blanks around dots": lambda n: to(b"a . b @ example . com, " * n),
    "one address of blanks and dots": lambda n: to(b"a" + b" . b" * n + b" @ example.com"),
    "open quotes in turn": lambda n: to(b'"a@example.com, ' * n),
    "an open quote and many quotes": lambda n: to(b'"a" <a@example.com>, ' * n + b'"'),
    "single quotes": lambda n: to(b"'a@example.com', " * n),
    "a list in single quotes": lambda n: to(b"'" + b"a@example.com, " * n + b"'"),
    "prefixes": lambda n: to(b"<" + b"SMTP:mailto: " * n + b"a@example.com>"),
    "addresses with prefixes": lambda n: to(b"Jane <SMTP:a@example.com>, Bob <mailto: b@example.com>, " * n),
    "a route": lambda n: to(b"<" + b"@a.com," * n + b"@b.com:x@example.com>"),
    "groups in groups": lambda n: to(b"a: " * n + b"x@example.com" + b";" * n),
    "wrappers of Exchange": lambda n: to(b"Jane <IMCEAEX-_O=ACME_CN=JANE@example.com>, </O=A/CN=B>, " * n),
    "a wrapper of Exchange": lambda n: to(b"<IMCEAEX-" + b"_O=A+20" * n + b"@example.com>"),
    "a list in one bracket": lambda n: to(b"<" + b"a@example.com; " * n + b">"),
    "a quoted local part": lambda n: to(b'"' + b"a b\\" * n + b'"@example.com'),
    "quoted local parts with dots": lambda n: to(b'"j..d"@example.com, ' * n),
    "local parts beyond ASCII": lambda n: to("\u7528\u6237@example.com, ".encode() * n),
    "a local part beyond ASCII": lambda n: to("\u7528".encode() * n + b"@example.com"),
    "dots": lambda n: to(b"a" + b"." * n + b"@example.com"),
    "one IDN label": lambda n: to(b"a@" + "\u00e9".encode() * n + b".com"),
    "an IDN label of many letters": lambda n: to(
        ("a@" + "".join(map(chr, range(0x4E00, 0x4E00 + n))) + ".com").encode("utf-8", "replace")
    ),
    "different IDN hosts": lambda n: to(", ".join(f"a@\u00e9{i}.com" for i in range(n)).encode()),
    "long IDN hosts": lambda n: to(("a@" + "\u00e9" * 50 + "." + "\u5f35" * 40 + ".com, ").encode() * (n // 100 + 1)),
    "IDN hosts that are too long": lambda n: to((b"a@" + "\u00e9".encode() * 2_000 + b".com, ") * (n // 2_000 + 1)),
    "full-width dots": lambda n: to("a@b\u3002".encode() * n + b"com"),
    "bad A-labels": lambda n: to(b"a@xn--" + b"a-" * n + b".com"),
    "sharp s": lambda n: to(b"a@" + "\u00df".encode() * n + b".com"),
    "references": lambda n: field(b"References", b"".join(b"<%d@example.com>\r\n " % i for i in range(n))),
    "bare references": lambda n: field(b"In-Reply-To", b"%d@example.com " * n),
    "half references": lambda n: field(b"References", b"a@" * n),
    "fields with references": lambda n: b"References: <a@b>\r\n" * n + b"\r\n",
    "ids": lambda n: b"Message-ID: <a>\r\n" * n + b"\r\n",
    "lists": lambda n: b"List-Post: <mailto:a@example.com>\r\n" * n + b"List-Id: " + b"<a" * n + b"\r\n\r\n",
    "original senders": lambda n: b"X-Original-From: a@example.com\r\n" * n + b"From: J via L <l@b.com>\r\n\r\n",
    "forms of dates": lambda n: b"Date: Tue, 05 Apr 2022 4:46:20 PM" + b" 2022-04-05T" * n + b"\r\n\r\n",
    "a date of digits": lambda n: field(b"Date", b"1" * n),
}
"""Address lists, hosts, and the other fields."""

MARKED_UP: Final[Cases] = {
    "inline tags": lambda n: html(b"<b>a</b>" * n + b"@example.com"),
    "inline tags in addresses": lambda n: html(b"<b>a</b>@ex<i>ample</i>.com " * n),
    "word breaks": lambda n: html(b"a<wbr>" * n + b"@example.com"),
    "comments in an address": lambda n: html(b"a<!-- -->" * n + b"@example.com"),
    "open tags": lambda n: html(b"a@example.com <b " * n),
    "open inline tags": lambda n: html(b"a@b.com<b" * n),
    "closing tags": lambda n: html(b"</b>" * n + b"a@example.com"),
    "attributes of a tag": lambda n: html(b"<a " + b"title='a@b.com' " * n + b">"),
    "quotes in attributes": lambda n: html(b"<a title='>" * n),
    "encoded at signs": lambda n: html(b"a&#64;example&period;com " * n),
    "names of entities": lambda n: html(b"&" + b"commat" * n),
    "entities that end nowhere": lambda n: html(b"&a" * n + b"@example.com"),
    "long entities": lambda n: html(b"&#" + b"0" * n + b"64; a@b.com"),
    "encoded links": lambda n: html(b"<a href='mailto:a%40example.com'>x</a>" * n),
    "one encoded link": lambda n: html(b"<a href='mailto:" + b"a%40" * n + b"'>x</a>"),
    "percents": lambda n: html(b"<a href='mailto:" + b"%" * n + b"40'>x</a>"),
    "blocks": lambda n: html(b"<p>a@example.com</p>" * n),
    "closed comments": lambda n: html(b"<!-- a@b.com -->" * n),
    "closed scripts": lambda n: html(b"<script>a@b.com</script><style></style>" * n),
    "user parts of URLs": lambda n: text(b"https://jane:secret@example.com/ " * n),
    "one URL": lambda n: text(b"https://example.com/" + b"a@b.com/" * n),
    "a URL of schemes": lambda n: text(b"https://" * n + b"a@example.com"),
    "schemes": lambda n: text(b"a:" * n + b"a@example.com"),
    "a URL in HTML": lambda n: html(b"<a href='https://" + b"a:b@c.com/" * n + b"'>x</a>"),
    "ids in a text": lambda n: text(b"Message-ID: <a@example.com>\r\n" * n),
    "references in a text": lambda n: text(b"References: " + b"<a@example.com>\r\n " * n),
    "names of ids": lambda n: text(b"References:" * n + b" <a@example.com>"),
    "cids": lambda n: text(b"[cid:a@example.com] mid:b@example.com sip:1@example.com " * n),
    "equals signs": lambda n: text(b"a=" * n + b"a@example.com"),
    "pairs": lambda n: text(b"key=jane@example.com,key:jane@example.com;" * n),
    "a long local part of atoms": lambda n: text(b"a.b-c_" * n + b"@example.com"),
    "local parts of dots": lambda n: text((b"." * 200 + b"@example.com ") * (n // 100)),
    "a long host in a text": lambda n: text(b"a@" + b"b." * n + b"com"),
    "hosts with underscores": lambda n: text(b"a@b_c.com " * n),
    "unknown top-level domains": lambda n: text(b"a@b.zzz a@2x.png " * n),
    "combining marks in a text": lambda n: text(b"a@b.com" + "\u0301\u0316".encode() * n),
    "invisible characters in a text": lambda n: text(b"a@b" + "\u200b\u00ad".encode() * n + b".com"),
    "invisible characters around addresses": lambda n: text("\u202aa@b.com\u202c ".encode() * n),
    "letters beyond ASCII": lambda n: text("\u00e9a@b.com ".encode() * n),
    "IDN hosts in a text": lambda n: text("a@\u00e9.com ".encode() * n),
    "an IDN host in a text": lambda n: text(b"a@" + "\u00e9".encode() * n + b".com"),
    "IDN labels in a text": lambda n: text(b"a@" + "\u00e9.".encode() * n + b"com"),
}
"""HTML, URLs, and addresses in texts."""

STRUCTURED: Final[Cases] = {
    "soft line breaks in addresses": lambda n: text(b"a@exam=\r\nple.com " * n, encoding=b"quoted-printable"),
    "soft line breaks in HTML": lambda n: text(b"a&#6=\r\n4;b.com " * n, b"text/html", b"quoted-printable"),
    "soft line breaks with blanks": lambda n: text(b"a@b.com=" + b" \t" * n + b"\r\n", encoding=b"quoted-printable"),
    "codes in quoted-printable": lambda n: text(b"=61=40=62.com " * n, encoding=b"quoted-printable"),
    "equals signs in quoted-printable": lambda n: text(b"=" * n + b"a@b.com", encoding=b"quoted-printable"),
    "base64 in one line": lambda n: text(b64encode(b"a@b.com " * n), encoding=b"base64"),
    "base64 with blanks": lambda n: text(b"Y W B i @\n" * n, encoding=b"base64"),
    "blank parts": lambda n: parts(b"--x\n\n \n--x\nContent-Type: text/html\n\na@b.com\n" * n, kind=ALTERNATIVE),
    "blank parts in quoted-printable": lambda n: parts(
        b"--x\nContent-Transfer-Encoding: quoted-printable\n\n=C2=A0\n" * n, kind=ALTERNATIVE
    ),
    "one blank part": lambda n: parts(
        b"--x\n\n" + b" " * n + b"\n--x\nContent-Type: text/html\n\na@b.com\n", kind=ALTERNATIVE
    ),
    "attached messages": lambda n: parts(b"--x\nContent-Type: message/rfc822\n\nTo: a@b.com\n\nc@d.com\n" * n),
    "attached messages in base64": lambda n: parts(
        b"--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nVG86IGFAYi5jb20K\n" * n
    ),
    "messages of many recipients": lambda n: text(b"To: " + b"a@example.com,\n " * n + b"\n\nx", b"message/rfc822"),
    "messages in parts": lambda n: parts(
        b"".join(
            b"--x%d\nContent-Type: message/rfc822\n\nContent-Type: multipart/mixed; boundary=x%d\n\n" % (i, i + 1)
            for i in range(n)
        ),
        b"x0",
    ),
    "reports": lambda n: parts(
        b"--x\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b.com\n\n" * n,
        kind=b"multipart/report; report-type=delivery-status",
    ),
    "reports in reports": lambda n: parts(
        b"".join(
            b"--x%d\nContent-Type: multipart/report; report-type=delivery-status; boundary=x%d\n\n" % (i, i + 1)
            for i in range(n)
        ),
        b"x0",
    ),
    "a long boundary": lambda n: parts((b"--" + b"x" * n + b"\n\na@b.com\n") * 9, b"x" * n),
    "near boundaries": lambda n: parts((b"--" + b"x" * 60 + b"y\n") * n, b"x" * 60),
    "boundaries that begin alike": lambda n: parts(
        b"".join(
            b"--%s\nContent-Type: multipart/mixed; boundary=%s\n\n" % (b"x" * i, b"x" * (i + 1)) for i in range(1, 250)
        )
        + b"--xx\n\na@b.com\n" * n
    ),
    "open parts and closed ones": lambda n: nest(n) + b"".join(b"--b%d--\n" % i for i in range(n, 0, -1)),
    "parts with long heads": lambda n: parts(b"--x\n" + b"X-A: b\n" * n + b"\na@b.com\n"),
    "folds in a part's head": lambda n: parts(b"--x\nContent-Type: text/plain;" + b"\n a=b;" * n + b"\n\na@b.com\n"),
    "a content type of comments": lambda n: text(b"x@example.com", b"text/plain " + b"(" * n),
}
"""Parts, encodings of bodies, and boundaries."""

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
        "inline tags": lambda n: text(b"<b>a@b.com" * n, b"text/html"),
        "inline tags before an address": lambda n: text((b"<b>" * 20 + b"a@b.com ") * (n // 8), b"text/html"),
        "quotes in tags": lambda n: html(b"<a b='<a b=\"" * n),
        "equals signs in tags": lambda n: html(b"<a =" * n + b'="' * n),
        "a tag without an end": lambda n: text(b'<a href="x@b.com ' * n, b"text/html"),
        "users in URLs": lambda n: text(b"https://a:b@b.com " * n),
        "one URL": lambda n: text(b"https://" + b"a:b@b.com," * n),
        "ids": lambda n: text(b"References:" + b" <a@b.com>" * n),
        "folded ids": lambda n: text(b"References:" + b"\n <a@b.com>" * n),
        "fields of ids": lambda n: text(b"references:message-id: <a@b.com" * n),
        "fields of ids in one word": lambda n: text(b"references:" * n + b" <a@b.com>"),
        "links in a text": lambda n: text(b"mailto:a@b.com?cc=" * n),
        "marks behind a host": lambda n: text("a@b.com\u0301\u00e9 ".encode() * (n // 4)),
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
        **ENCODED,
        **ADDRESSED,
        **MARKED_UP,
        **STRUCTURED,
        "messages encoded as a whole": lambda n: text(
            b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" * (n // 4),
            b"message/rfc822",
            b"quoted-printable",
        ),
        "digests": lambda n: parts(b"--x\n\n" * n, kind=b"multipart/digest"),
    }
)
