"""Contacts as CSV."""

import csv
import io
from collections.abc import Iterable, Iterator

from fetcher.contacts.contact import Contact, encode, record, tag_names

BOM = b"\xef\xbb\xbf"
COLUMNS = (
    "Name",
    "Email",
    "Recency",
    "Seniority",
    "Occurrence",
    "Sender",
    "Recipient",
    "Conversations",
    "Replies",
    "Temperature",
    "Tags",
    "Alternate names",
    "Alternate emails",
    "Sources",
)
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet treats a cell that starts with one of these as a formula (OWASP, CSV injection, read 2026-11)."""


def csv_rows(contacts: Iterable[Contact], delimiter: str) -> Iterator[bytes]:
    """Yield the header row with a byte order mark, then one row per contact."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    yield BOM + _drain(buffer)
    for contact in contacts:
        writer.writerow([_harmless(cell) for cell in cells(contact)])
        yield _drain(buffer)


def check_delimiter(delimiter: str) -> str:
    r"""Return the delimiter, with `\t` read as a tab; raise ValueError if it would make the CSV ambiguous."""
    delimiter = "\t" if delimiter == "\\t" else delimiter
    if len(delimiter) != 1 or delimiter in '"\r\n\0' or delimiter.isalnum():
        raise ValueError(f"the delimiter {delimiter!r} must be one character that can separate cells: , ; | or \\t")
    return delimiter


def cells(contact: Contact) -> tuple[str, ...]:
    """Return the contact's cells, one per column, before formulas are made harmless."""
    fields = record(contact)
    for name in ("recency", "seniority"):
        fields[name] = (fields[name] or "")[:10]
    for name in ("alternate_names", "alternate_emails", "sources"):
        fields[name] = "; ".join(fields[name])
    fields["tags"] = "; ".join(tag_names(contact))
    return tuple("" if value is None else str(value) for value in fields.values())


def _drain(buffer: io.StringIO) -> bytes:
    data = encode(buffer.getvalue())
    buffer.seek(0)
    buffer.truncate()
    return data


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell
