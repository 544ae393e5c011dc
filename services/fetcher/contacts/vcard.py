"""Contacts as vCard 4.0, and as vCard 3.0 for programs that refuse 4.0."""

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from fetcher.contacts.contact import Contact, encode, record, split_name, tag_names

FOLD_OCTETS = 75
"""The maximum length of a vCard line without its line break (RFC 6350, section 3.2)."""
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")


def vcard(contact: Contact) -> bytes:
    """Return a contact as one card of version 4.0."""
    return _card(contact, "VERSION:4.0", f"EMAIL;PREF=1:{_text(contact['address'])}", "EMAIL")


def vcard3(contact: Contact) -> bytes:
    """Return a contact as one card of version 3.0 (RFC 2426), which must split the name."""
    given, family = split_name(contact["name"] or "")
    name = f"N:{_text(family)};{_text(given)};;;"
    email = "EMAIL;TYPE=INTERNET"
    return _card(contact, "VERSION:3.0", f"{email},PREF:{_text(contact['address'])}", email, name)


def _card(contact: Contact, version: str, email: str, other_email: str, *more: str) -> bytes:
    fields = record(contact)
    lines = ["BEGIN:VCARD", version, f"UID:{_uid(contact['address'])}", *more]
    lines.append(f"FN:{_text(contact['name'] or contact['address'])}")
    lines += _listed("NICKNAME", fields["alternate_names"])
    lines.append(email)
    lines += [f"{other_email}:{_text(address)}" for address in fields["alternate_emails"]]
    lines += _listed("CATEGORIES", tag_names(contact))
    lines += _own_properties(fields)
    lines += _listed("X-LEADMINER-SOURCES", fields["sources"])
    lines.append("END:VCARD")
    return b"".join(_fold(line) for line in lines)


def _uid(address: str) -> str:
    """Derive the card's UID from the address, so that importing a later export updates the cards of the first."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"mailto:{address}").urn


def _own_properties(fields: Mapping[str, Any]) -> list[str]:
    names = ("recency", "seniority", "occurrence", "sender", "recipient", "conversations", "replies", "temperature")
    return [f"X-LEADMINER-{name.upper()}:{_text(str(fields[name]))}" for name in names if fields[name] is not None]


def _listed(name: str, texts: Iterable[str]) -> list[str]:
    value = ",".join(_text(text) for text in texts)
    return [f"{name}:{value}"] if value else []


def _text(value: str) -> str:
    """Escape a text value (RFC 6350, section 3.4); control characters, which it does not allow, become spaces."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    for plain, escaped in (("\\", "\\\\"), (",", "\\,"), (";", "\\;"), ("\n", "\\n")):
        value = value.replace(plain, escaped)
    return value.translate(_CONTROLS)


def _fold(line: str) -> bytes:
    """Fold a line after at most 75 octets, never within a character (RFC 6350, section 3.2)."""
    data, pieces, room = encode(line), [], FOLD_OCTETS
    while len(data) > room:
        end = room
        while data[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(data[:end])
        data, room = data[end:], FOLD_OCTETS - 1
    return b"\r\n ".join([*pieces, data]) + b"\r\n"
