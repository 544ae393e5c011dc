"""The formats of an export: pure, streamed, and the same to the byte for the same contacts."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from fetcher.contacts.contact import Contact
from fetcher.contacts.csv import csv_rows
from fetcher.contacts.jsonl import json_line
from fetcher.contacts.vcard import vcard


class Format(StrEnum):
    """The formats of an export."""

    CSV = "csv"
    VCARD = "vcard"
    JSONL = "jsonl"


def export_contacts(contacts: Iterable[Contact], form: Format, *, delimiter: str = ",") -> Iterator[bytes]:
    """Yield the export's bytes, a piece a contact, in the order given; `delimiter` is a CSV's alone."""
    if form is Format.CSV:
        return csv_rows(contacts, delimiter)
    return map(vcard if form is Format.VCARD else json_line, contacts)
