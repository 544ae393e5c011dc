"""Addresses: lists of them in headers, and single ones in text."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from processor.domain.mail.address_list import Mailbox, read_list
from processor.domain.mail.address_syntax import fold_address, split_plus, valid_address
from processor.domain.mail.charset import decode_raw, keep_raw
from processor.domain.mail.idn import to_a_labels
from processor.domain.mail.invisible import drop_invisible
from processor.domain.mail.names import MAX_CHARACTERS, PLAIN_NAME, name_beside
from processor.domain.mail.text_addresses import find_addresses

__all__ = ["Mailbox", "extract_from_text", "fold_address", "parse_address_list", "read_addresses", "valid_address"]

_ADDRESS: Final = (
    r"[A-Za-z0-9_][A-Za-z0-9!#$%&'*+/=^_`{|}~-]*+(?>(?:\.[A-Za-z0-9!#$%&'*+/=^_`{|}~-]++)*)"
    r"@(?>(?:[A-Za-z0-9]++(?>(?:-++[A-Za-z0-9]++)*)\.)+)[A-Za-z]{2,63}"
)
_COMMON_FORM: Final = re.compile(
    r"[ \t]*+(?:"
    rf"({_ADDRESS})(?:[ \t]*+\(([^()\\]*+)\))?"
    rf'|(")?({PLAIN_NAME})(?(3)")[ \t]*+<({_ADDRESS})>'
    rf'|(?:"([^"\\]*+)"[ \t]*+|([^"<>(),;:@\\]*+))<(?:mailto:)?({_ADDRESS})>'
    r")[ \t]*+(?:,|$)"
)
"""One mailbox and the comma after it: an address with or without a comment, or brackets with or without a name.

Groups: bare address, its comment; opening quote, a name that needs no cleaning, its address; a quoted name, any other
name, its address.
"""
_SURE_CHARACTERS: Final = 63
"""The longest label. In an address of at most this length, no label can be too long."""
_IDN_HOST: Final = re.compile(
    r"(?<=@)(?=[A-Za-z0-9.-]*+[^\x00-\x7f])[^\x00-\x20\x7f()<>\[\]\\,;:\"@]++(?=[ \t]*+(?:[>,;]|$))"
)
"""The host of an address at the end of a mailbox. In A-labels, most such addresses are of a common form too."""
_REMEMBERED_CHARACTERS: Final = 256
_REMEMBERED_VALUES: Final = 256
"""Two of three values in a mailbox were just read before: its owner's, a list's, a thread's. Takes 2 MB at most."""

Read = tuple[str, str | None, str | None]
"""Address, plus address, name."""


def parse_address_list(value: str | bytes, charset: str = "") -> list[Mailbox]:
    """Return the addresses in a field's undecoded value, in order and without repetitions; never raises.

    A repeated address keeps its first name and its first plus address. Names in bytes that are not UTF-8 are in the
    charset that the message declares for its text, else in Windows-1252.
    """
    found: dict[str, Mailbox] = {}
    text = decode_raw(keep_raw(value.decode("latin-1")), charset) if isinstance(value, bytes) else value
    for mailbox in read_addresses(text):
        known = found.get(mailbox[0])
        found[mailbox[0]] = (
            Mailbox(known.address, known.plus or mailbox[1], known.name or mailbox[2]) if known else Mailbox(*mailbox)
        )
    return list(found.values())


def read_addresses(value: str) -> Iterable[Read]:
    """Return the addresses in an undecoded value, with repetitions. Short values that were read lately are cached."""
    return _remember(value) if len(value) <= _REMEMBERED_CHARACTERS else _read(value)


@lru_cache(maxsize=_REMEMBERED_VALUES)
def _remember(value: str) -> tuple[Read, ...]:
    return tuple(_read(value))


def _read(value: str) -> list[Read]:
    """Read the common forms quickly and leave the rest to `read_list`."""
    found: list[Read] = []
    at, end = 0, len(value)
    while at < end:
        match = _COMMON_FORM.match(value, at)
        if match is None:
            rest = value[at:] if at else value
            shown = rest if rest.isascii() else _IDN_HOST.sub(_encode_host, drop_invisible(rest))
            found.extend(read_list(rest) if shown == rest else _read(shown))
            break
        bare, comment, _, plain, named, quoted, phrase, bracketed = match.groups()
        address = (named or bare or bracketed).lower()
        if (len(address) > _SURE_CHARACTERS or address[:5] == "imcea") and not valid_address(address):
            found.extend(read_list(value[at:]))
            break
        plus = None
        if "+" in address:
            address, plus = split_plus(address)
        if not plain or len(plain) > MAX_CHARACTERS:
            said = quoted or phrase or comment
            plain = name_beside(said.strip(" \t"), address, plus) if said else None
        found.append((address, plus, plain))
        at = match.end()
    return found


def _encode_host(match: re.Match[str]) -> str:
    return to_a_labels(match[0]) or match[0]


def extract_from_text(text: str | bytes, *, is_html: bool = False) -> list[Mailbox]:
    """Return the addresses in a text, in order and without repetitions; never raises."""
    found: dict[str, Mailbox] = {}
    data = text.encode("utf-8", "replace") if isinstance(text, str) else text
    for address in find_addresses(data, is_html=is_html):
        folded, plus = split_plus(address)
        found.setdefault(folded, Mailbox(folded, plus, None))
    return list(found.values())
