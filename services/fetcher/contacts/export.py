"""The export formats: pure, streamed, and byte-for-byte identical for the same contacts."""

from collections.abc import Iterable, Iterator
from enum import StrEnum

from fetcher.contacts.contact import Contact
from fetcher.contacts.csv import csv_rows
from fetcher.contacts.google import google_rows
from fetcher.contacts.jsonl import json_line
from fetcher.contacts.vcard import vcard, vcard3


class Format(StrEnum):
    """An export format."""

    CSV = "csv"
    VCARD = "vcard"
    VCARD3 = "vcard3"
    GOOGLE = "google"
    JSONL = "jsonl"


SUFFIXES = {".csv": Format.CSV, ".vcf": Format.VCARD, ".jsonl": Format.JSONL}
HEADED = frozenset({Format.CSV, Format.GOOGLE})
"""The formats that start with a row for the names of the columns."""
CARDS = {Format.VCARD: vcard, Format.VCARD3: vcard3, Format.JSONL: json_line}
"""The formats that have each contact on its own."""


def export_contacts(contacts: Iterable[Contact], form: Format, *, delimiter: str = ",") -> Iterator[bytes]:
    """Yield the export's bytes, one piece per contact in the given order; only CSV uses `delimiter`."""
    match form:
        case Format.CSV:
            return csv_rows(contacts, delimiter)
        case Format.GOOGLE:
            return google_rows(contacts)
        case _:
            return map(CARDS[form], contacts)
