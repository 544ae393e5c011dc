"""Contacts as JSON Lines."""

import json

from fetcher.contacts.contact import Contact, encode, record


def json_line(contact: Contact) -> bytes:
    """Return a contact as one line of JSON."""
    return encode(json.dumps(record(contact), ensure_ascii=False, separators=(",", ":")) + "\n")
