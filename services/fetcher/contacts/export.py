"""The export formats: pure, streamed, and byte-for-byte identical for the same contacts."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from fetcher.contacts.contact import Contact
from fetcher.contacts.csv import csv_rows
from fetcher.contacts.jsonl import json_line
from fetcher.contacts.vcard import vcard


class Format(StrEnum):
    """An export format."""

    CSV = "csv"
    VCARD = "vcard"
    JSONL = "jsonl"


SUFFIXES = {".csv": Format.CSV, ".vcf": Format.VCARD, ".jsonl": Format.JSONL}


def export_contacts(contacts: Iterable[Contact], form: Format, *, delimiter: str = ",") -> Iterator[bytes]:
    """Yield the export's bytes, one piece per contact in the given order; only CSV uses `delimiter`."""
    if form is Format.CSV:
        return csv_rows(contacts, delimiter)
    return map(vcard if form is Format.VCARD else json_line, contacts)
