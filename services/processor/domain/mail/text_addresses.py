"""Finds addresses in the text of a message: it looks for every ``@`` and reads the characters around it.

It reads the bytes without decoding them, since nearly every charset leaves ASCII alone. If a non-ASCII letter touches a
possible address, or the HTML is less simple, the whole text is decoded and read slowly.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

from processor.domain.mail.address_syntax import ATOM_CHARACTERS, MAX_CHARACTERS, normalise
from processor.domain.mail.charset import decode_text, keeps_ascii
from processor.domain.mail.markup import Markup, Place, decode_codes, hides_address, read_markup

_LOCAL: Final = f"{ATOM_CHARACTERS}."
_LOCAL_BYTES: Final = _LOCAL.encode()
_HOST_BYTES: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-."
_NOT_FIRST: Final = "!#$%&'*+/=?^`{|}~-"
_NOT_FIRST_BYTES: Final = _NOT_FIRST.encode()
"""Characters that rather come before an address than start it, although an atom could start with them."""
_URL: Final = re.compile(r".*[/?=&#]", re.DOTALL)
_WORD: Final = (
    r"A-Za-z0-9\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f"
    r"\u0370-\u0373\u0376-\u03ff\u0400-\u0481\u048a-\u058f\u1e00-\u1fff"
)
"""A letter from a script with two cases continues a word. Other scripts can touch an address without a space."""
_WORD_END: Final = re.compile(f"[{_WORD}]")
_HOST: Final = re.compile(f"[{_WORD}.-]*+")

_REMEMBERED_RUNS: Final = 256
"""Each one takes about 1 KB at most."""


class _Unsure(Exception):
    """Non-ASCII text or unusual markup touches an address. Only the decoded text shows what it is."""


def find_addresses(data: bytes, charset: str = "", *, is_html: bool = False, cut: bool = False) -> Iterable[str]:
    """Return the valid addresses in a text, each once, in lower case and with their plus parts.

    If the text was `cut` off, everything after the last white space, comma or ``>`` is not read.
    """
    plain_bytes = keeps_ascii(charset)
    if cut and plain_bytes:
        data = data[: last_boundary(data)]
    if is_html and plain_bytes:
        data = decode_codes(data)
    if plain_bytes and not (is_html and hides_address(data)):
        if b"@" not in data:
            return ()
        try:
            return _scan_markup(data) if is_html else dict.fromkeys(_scan_bytes(data))
        except _Unsure:
            pass
    text = decode_text(data, charset, cut=cut)
    if cut:
        text = text[: max(text.rfind(mark) for mark in (" ", "\n", "\r", "\t", ",", ">")) + 1]
    return dict.fromkeys(scan_text(read_markup(text) if is_html else text))


def last_boundary(data: bytes) -> int:
    """Return the position after the last white space, comma or ``>``."""
    return max(data.rfind(mark) for mark in (b" ", b"\n", b"\r", b"\t", b"\f", b"\v", b",", b">")) + 1


def _scan_bytes(data: bytes, places: list[tuple[int, int]] | None = None) -> list[str]:
    """Return the valid addresses, with repetitions. Append the start and end of each one to `places`."""
    found = []
    at = data.find(b"@")
    while at >= 0:
        behind = data[at + 1 : at + MAX_CHARACTERS]
        left = behind.lstrip(_HOST_BYTES)
        host = behind[: len(behind) - len(left)]
        if b"." in host or left[:1] > b"\x7f":
            before = data[max(at - MAX_CHARACTERS, 0) : at]
            rest = before.rstrip(_LOCAL_BYTES)
            run = before[len(rest) :]
            if 0 < len(run) < MAX_CHARACTERS:
                address = _read_run(run, host, rest[-1:], left[:1])
                if address:
                    found.append(address)
                    if places is not None:
                        places.append((at - len(run), at + 1 + len(host)))
        at = data.find(b"@", at + 1)
    return found


@lru_cache(maxsize=_REMEMBERED_RUNS)
def _read_run(run: bytes, host: bytes, before: bytes, behind: bytes) -> str | None:
    """Return the valid address in the characters on both sides of an ``@``, given the ones that end them there.

    Signatures and list footers repeat, so recent results are cached.
    """
    in_url = b"/" in run or b"?" in run
    local = _cut_url(run.decode("ascii")).encode() if in_url else run.lstrip(_NOT_FIRST_BYTES)
    around = before + behind if len(local) == len(run) else behind
    if b"@" in around:
        return None
    if not around.isascii():
        raise _Unsure
    return normalise((local + b"@" + host.rstrip(b".-")).decode("ascii"))


def _scan_markup(data: bytes) -> Iterable[str]:
    """Return the addresses in an HTML text: those that are shown, and those that `mailto:` links point to."""
    places: list[tuple[int, int]] = []
    addresses = _scan_bytes(data, places)
    found: dict[str, None] = {}
    markup = Markup(data.decode("latin-1") if addresses else "")
    for address, (start, end) in zip(addresses, places, strict=True):
        place = markup.place(start, end)
        if place is Place.UNSURE:
            raise _Unsure
        if place is Place.READ:
            found[address] = None
    return found


def scan_text(text: str) -> Iterator[str]:
    """Yield the valid addresses in a decoded text, as `find_addresses` does."""
    at = text.find("@")
    while at >= 0:
        before = text[max(at - MAX_CHARACTERS, 0) : at]
        rest = before.rstrip(_LOCAL)
        run = before[len(rest) :]
        host = _HOST.match(text, at + 1, at + MAX_CHARACTERS)
        if run and host and len(run) < MAX_CHARACTERS:
            local = _cut_url(run)
            touched = len(local) == len(run) and (rest[-1:] == "@" or _WORD_END.match(rest[-1:]) is not None)
            if not touched and text[host.end() : host.end() + 1] != "@":
                address = normalise(f"{local}@{host[0].rstrip('.-')}")
                if address:
                    yield address
        at = text.find("@", at + 1)


def _cut_url(run: str) -> str:
    """Return the last part of the characters before an ``@`` if they are a path or query, else all of them."""
    if run.startswith("/") or "//" in run or "?" in run:
        run = _URL.sub("", run)
    return run.lstrip(_NOT_FIRST)
