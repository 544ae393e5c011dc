"""Finds addresses in the text of a message: it looks for every ``@`` and reads the characters around it.

It reads the text without decoding it, since nearly every charset leaves ASCII alone. If a non-ASCII character touches a
possible address, or what is around it is less simple, the whole text is decoded and read slowly. An address is whole or
it is none: if anything could continue it on either side, it is not taken.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final
from unicodedata import category

from processor.domain.data.lists import read_entries
from processor.domain.mail.address_syntax import MAX_CHARACTERS, normalise
from processor.domain.mail.charset import decode_text, keeps_ascii
from processor.domain.mail.lookalikes import Lookalikes, Undecided, is_lookalike, is_place, resolve_links
from processor.domain.mail.markup import HIDDEN, decode_codes, has_coded_link, read_markup
from processor.domain.mail.places import Markup, Place

TOP_LEVEL: Final = frozenset((*read_entries("tlds.txt"), "example", "test"))
"""IANA's list, and the two names that RFC 2606 reserves for documentation and tests."""
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LOCAL: Final = f"{_LETTERS}!#$%&'+/=?_~.-"
"""RFC 5322's `atext` and the dot, without the characters that people use as brackets and separators: ``*^`{|}``."""
_LOCAL_BYTES: Final = _LOCAL.encode()
_HOST_BYTES: Final = f"{_LETTERS}.-".encode()
_NOT_FIRST: Final = "!#$%&'+/=?~"
"""Characters that rather come before an address than start it, although an atom could start with them."""
_NOT_LAST: Final = f"{_NOT_FIRST}_-."
_CODE: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_PADDING: Final = re.compile(r"(?:20|3[ACDE]|2[278C]|5B|0[9AD]|A0).")
"""A blank, bracket or quote mark in quoted-printable that nobody declared: `=20jane@` is not the address `20jane@`."""
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]"
)
_HOST_CHARACTERS: Final = re.compile(r"[^\W_.-]++|[.-]++")

_TOUCHED: Final = re.compile(
    rb"[A-Za-z0-9.+-](?:\xe2[\x80\x81].|\xc2?\xad|\xef(?:\xbb\xbf|\xb8.)|\xcd\x8f|\xd8\x9c|\xe1\xa0\x8e){1,9}\Z",
    re.DOTALL,
)
"""An ASCII character, and behind it bytes that can mean invisible ones."""
_LINKS: Final = frozenset(mark + b"mailto:" for mark in (b'"', b"<", b" ", b"[", b">", b"\n"))
_PLAIN_ENDS: Final = (*(blank + mark for blank in (b" ", b"\n") for mark in (b"(", b"[", b"'")), b"&nbsp;")
_HARMLESS: Final = frozenset((b"", b" ", b"\r", b"\n", b"\t", b"<", b">", b'"', b"(", b")", b"[", b"]", b",", b";"))
_BLANKS: Final = b" \t\r\n<"
_URL_ENDS: Final = frozenset((b" ", b"\n", b"\t", b'"', b"<", b">", b""))
_BEFORE_IDS: Final = frozenset((b"", b">", b",", b";", b".", b'"', b")", *(b"%d" % digit for digit in range(10))))
"""What can come before a Message-ID in brackets: another one, or the end of an old attribution line."""
_ATTRIBUTIONS: Final = frozenset(
    word + mark for word in (b"essage", b"rticle", b"ESSAGE", b"RTICLE") for mark in (b" <", b"\n<")
) | {b"ssage\r\n<", b"ticle\r\n<"}
_ID_FIELDS: Final = frozenset((b"message-id:", b"references:", b"n-reply-to:"))
_CONTINUING: Final = frozenset((b"@", b"_"))
_BREAKING: Final = _CONTINUING | {b"\\"}
"""What shows that an address behind it is none. After a backslash, the first letter can be an escape: `\\njane@`."""
_TAIL: Final = 16
"""So many characters before nearly every address show whether it is one: the name of a field, blanks, a bracket."""
_BEHIND: Final = 80
"""How many characters behind an address can show that it is none."""

_REMEMBERED_RUNS: Final = 1024
"""Each one takes about 1 KB at most, and a third of that as a rule."""

Possible = tuple[int, int, str]
"""Start and end of what may be an address, and the address if it is one as it is."""
Read = tuple[str | None, bool]
"""An address if there is one, and whether nothing more must be known about it."""
_NOTHING: Final = (None, False)


def find_addresses(data: bytes, charset: str = "", *, is_html: bool = False, cut: bool = False) -> Iterable[str]:
    """Return the valid addresses in a text, each once, in lower case and with their plus parts.

    If the text was `cut` off, everything after the last white space, comma or ``>`` is not read.
    """
    plain_bytes = keeps_ascii(charset)
    if cut and plain_bytes:
        data = data[: last_boundary(data)]
    if is_html and plain_bytes:
        data = decode_codes(data)
    if plain_bytes and not (b"%" in data and has_coded_link(data)):
        if b"@" not in data:
            return ()
        try:
            return _choose_shown(data, cut=cut) if is_html else _scan(data, None)
        except Undecided:
            pass
    text = decode_text(data, charset, cut=cut)
    if cut:
        text = text[: max(text.rfind(mark) for mark in (" ", "\n", "\r", "\t", ",", ">")) + 1]
    if is_html:
        text = read_markup(f"{text}{HIDDEN}" if cut else text)
    return dict.fromkeys(scan_text(text))


def last_boundary(data: bytes) -> int:
    """Return the position after the last white space, comma or ``>``."""
    return max(data.rfind(mark) for mark in (b" ", b"\n", b"\r", b"\t", b"\f", b"\v", b",", b">")) + 1


def _scan(data: bytes, possible: list[Possible] | None) -> dict[str, None]:
    """Return the addresses in a text; raise Undecided if only the decoded text shows what they are.

    In HTML, return none. Instead, append them to `possible`, and with them what may be an address together with the
    tags or entities that touch it.
    """
    found: dict[str, None] = {}
    is_html = possible is not None
    at = data.find(b"@")
    while at >= 0:
        behind = data[at + 1 : at + MAX_CHARACTERS]
        left = behind.lstrip(_HOST_BYTES)
        host = behind[: len(behind) - len(left)]
        end = left[:1]
        if b"." in host or end > b"\x7f" or (is_html and end in b"<&"):
            first = at - MAX_CHARACTERS if at > MAX_CHARACTERS else 0
            before = data[first:at]
            rest = before.rstrip(_LOCAL_BYTES)
            run = before[len(rest) :]
            tail = rest[-_TAIL:]
            address, alone = _read_run(run, host, tail, end) if run else _NOTHING
            if address:
                if alone or not _is_none_in(data, first, at - address.find("@"), at + 1 + len(host)):
                    if possible is None:
                        found[address] = None
                    else:
                        possible.append((at - len(run), at + 1 + len(host), address))
            elif tail[-1:] > b"\x7f" and _TOUCHED.search(rest):
                raise Undecided
            elif possible is not None and (tail[-1:] in b">;" or (run and end in b"<&")):
                possible.append((at - len(run), at + 1 + len(host), ""))
        at = data.find(b"@", at + 1)
    return found


@lru_cache(maxsize=_REMEMBERED_RUNS)
def _read_run(run: bytes, host: bytes, tail: bytes, behind: bytes) -> Read:
    """Return the valid address in the characters on both sides of an ``@``, and whether it is surely `_is_alone`.

    `tail` is what is before these characters, `behind` the character that ends them. Signatures and list footers
    repeat, so recent results are cached.
    """
    before = tail[-1:]
    characters = run.decode("ascii")
    local = characters if run.isalnum() else _cut_local(characters)
    if before not in _HARMLESS or behind not in _HARMLESS:
        touching = before if local is None or len(local) == len(characters) else b""
        if touching in _BREAKING or behind in _CONTINUING:
            if "?" in characters or tail[-2:-1] > b"\x7f":
                raise Undecided
            return _NOTHING
        if not touching.isascii() or not behind.isascii():
            raise Undecided
        if local is None and tail[-7:].lower() == b"mailto:":
            raise Undecided
    address = _join(local, host.decode("ascii")) if local else None
    return (address, _is_alone(tail, behind, address)) if address else _NOTHING


def _is_alone(tail: bytes, behind: bytes, address: str) -> bool:
    """Return whether what precedes an address shows that it is in no URL and no Message-ID, as of nearly all."""
    if behind == b":":
        return False
    before = tail[-1:]
    if before not in _URL_ENDS:
        return tail[-8:] in _LINKS or tail.endswith(_PLAIN_ENDS)
    stripped = tail.rstrip(_BLANKS)
    last = stripped[-1:]
    if last == b":":
        return address >= "a" and stripped[-11:].lower() not in _ID_FIELDS
    if before != b"<" or (last == b'"' and stripped[-2:-1].isalpha()):
        return True
    return last not in _BEFORE_IDS and tail[-8:] not in _ATTRIBUTIONS


def _cut_local(run: str) -> str | None:
    """Return the local part in the characters before an ``@``, or None if there is none or it is not whole."""
    local = run.lstrip(_NOT_FIRST)
    if "/" in local or "?" in local or "//" in run or ("%" in run and _CODE.search(run)):
        return None
    if "=" in run:
        key, _, value = run.rpartition("=")
        if _PADDING.match(value):
            return None
        if not _is_returned(key, value):
            local = value.lstrip(_NOT_FIRST)
    if not local or local[0] in "_-." or local[-1] in _NOT_LAST or ".." in local or local[:4].lower() == "www.":
        return None
    return local


def _is_returned(key: str, value: str) -> bool:
    """Return whether `key=value` is all of a local part, as in a bounce's `bounce-jane=acme.com@lists.acme.org`."""
    return ("-" in key or "+" in key) and "." in value and value.rpartition(".")[2].lower() in TOP_LEVEL


def _join(local: str, host: str) -> str | None:
    address = normalise(f"{local}@{host.rstrip('.')}")
    return address if address and address.rpartition(".")[2] in TOP_LEVEL else None


def _choose_shown(data: bytes, *, cut: bool) -> Iterable[str]:
    """Return the addresses in an HTML text that are shown, and those that `mailto:` links point to."""
    shown: dict[str, None] = {}
    possible: list[Possible] = []
    _scan(data, possible)
    if not possible:
        return shown
    markup = Markup(data.decode("latin-1"), cut=cut, last=possible[-1][0])
    for start, end, address in possible:
        place = markup.place(start, end, whole=address != "")
        if place is Place.UNSURE or (place is Place.READ and not address):
            raise Undecided
        if place is Place.READ:
            shown[address] = None
    return shown


def _is_none_in(data: bytes, first: int, start: int, end: int) -> bool:
    """Return whether an address in a text whose bytes were not decoded is none. What is before `first` is not known."""
    window = data[first : end + _BEHIND].decode("latin-1")
    return _is_none(window, start - first, end - first, whole=first == 0)


def _is_none(window: str, start: int, end: int, *, whole: bool, decoded: bool = False) -> bool:
    """Return whether an address in a piece of a text is none; raise Undecided if only the whole text can tell."""
    return is_place(window, start, end) or is_lookalike(window, start, end, whole=whole, decoded=decoded)


def scan_text(text: str) -> Iterator[str]:
    """Yield the valid addresses in a decoded text, as `find_addresses` does."""
    text = resolve_links(text if text.isascii() else _INVISIBLE.sub("", text))
    lookalikes: Lookalikes | None = None
    at = text.find("@")
    while at >= 0:
        first = max(at - MAX_CHARACTERS, 0)
        before = text[first:at]
        rest = before.rstrip(_LOCAL)
        run = before[len(rest) :]
        local = _cut_local(run)
        end = _host_end(text, at + 1) if local else at
        if local and end > at + 1:
            touched = (len(local) == len(run) and _continues(rest[-1:])) or _continues(text[end : end + 1].strip("\\"))
            address = None if touched else _join(local, text[at + 1 : end])
            if address:
                window, start = text[first : end + _BEHIND], at - len(local)
                try:
                    none = _is_none(window, start - first, end - first, whole=first == 0, decoded=True)
                except Undecided:
                    lookalikes = lookalikes or Lookalikes(text)
                    none = lookalikes.hold(start, end)
                if not none:
                    yield address
        at = text.find("@", at + 1)


def _host_end(text: str, start: int) -> int:
    """Return where the letters and digits of any script, combining marks, dots and hyphens end."""
    at, limit = start, min(start + MAX_CHARACTERS, len(text))
    while at < limit:
        match = _HOST_CHARACTERS.match(text, at, limit)
        if match:
            at = match.end()
        elif text[at] > "\x7f" and category(text[at])[0] == "M":
            at += 1
        else:
            break
    return at


def _continues(character: str) -> bool:
    """Return whether a character that touches an address would continue it, or shows that it is none."""
    return character.isalnum() or (
        character != "" and (character in f"@_-\\{HIDDEN}" or (character > "\x7f" and category(character)[0] == "M"))
    )
