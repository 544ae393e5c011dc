"""Senders that a mailing list rewrote: "Jane via Sales" at the list's address names nobody there, but Jane elsewhere.

Lists do this because receivers reject mail that a list sends in the name of a domain with a strict DMARC policy.
"""

import html
import re
from collections.abc import Iterator
from typing import Final

from processor.domain.facts import FROM, REPLY_TO
from processor.domain.mail.addresses import read_addresses
from processor.domain.mail.charset import decode_words
from processor.domain.mail.headers import Fields, list_id
from processor.domain.mail.names import name_beside

Names = dict[str, dict[str, int]]
"""The names of each address, those of senders first, and the first field in which each was read."""

_ORIGINALS: Final = ("x-original-from", "x-google-original-from")
_SIGNS: Final = ("list-post", "list-id", *_ORIGINALS)
_VIA: Final = re.compile(r"[\s)\]}>'\"\u2019\u201d]\(?via\s")
_OF_LIST: Final = ("-", "+", ".", "_")
"""What follows a list's name in its other addresses, such as dev-owner@."""


def move_names(sender: str, fields: Fields, names: Names) -> None:
    """Move the name of a From field's value, if a list rewrote it, to the one address for replies, if there is one."""
    if any(sign in fields for sign in _SIGNS) and _says_via(sender):
        for address, _, name in read_addresses(sender):
            if name and _is_rewritten(address, fields):
                if names.get(address, {}).get(name) == FROM:
                    del names[address][name]
                _give(name, address, fields, names)


def _says_via(value: str) -> bool:
    if "=?" in value or "&" in value:
        value = html.unescape(decode_words(value))
    return "via" in value and _VIA.search(value) is not None


def _give(name: str, sender: str, fields: Fields, names: Names) -> None:
    """Give a name to the address for replies, if exactly one is a person's."""
    replies = {address for address in _reply_addresses(fields) if not _is_lists(address, sender, fields)}
    if len(replies) == 1:
        (address,) = replies
        given = name_beside(name, address, None)
        if given:
            names[address] = {given: REPLY_TO} | names.get(address, {}) | {given: REPLY_TO}


def _reply_addresses(fields: Fields) -> Iterator[str]:
    for field in ("reply-to", "reply_to"):
        for value in fields.get(field, ()):
            for address, _, _ in read_addresses(value):
                yield address


def _is_rewritten(address: str, fields: Fields) -> bool:
    """Return whether the address in From is the list's."""
    if any(header in fields for header in _ORIGINALS) or address in _posts(fields):
        return True
    host = address.rpartition("@")[2]
    return any(named == host or named.endswith(f".{host}") for named in _ids(fields))


def _is_lists(address: str, sender: str, fields: Fields) -> bool:
    """Return whether an address for replies is one of the list's, not a member's at the same host."""
    if address == sender or address in _posts(fields):
        return True
    local, _, host = address.rpartition("@")
    for named in _ids(fields):
        if named == host:
            return True
        name = named.removesuffix(f".{host}")
        if name != named and (local == name or local.startswith(tuple(name + mark for mark in _OF_LIST))):
            return True
    return False


def _posts(fields: Fields) -> set[str]:
    return {address for value in fields.get("list-post", ()) for address, _, _ in read_addresses(value)}


def _ids(fields: Fields) -> list[str]:
    """Return the ids in List-Id, without brackets. An id that is written without them is one too."""
    return [(list_id(value) or value).strip("<> \t").lower() for value in fields.get("list-id", ())]
