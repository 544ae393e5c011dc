"""Contacts as CSV."""

import re
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

_SEPARATES = re.compile(r"[,;\t\"\r\n\v\f\x1c-\x1e\x85\u2028\u2029]")
"""What some program takes for the end of a cell or a row, whatever the delimiter. It differs by country."""


def csv_rows(contacts: Iterable[Contact], delimiter: str) -> Iterator[bytes]:
    """Yield the header row with a byte order mark, then one row per contact."""
    yield BOM + row(COLUMNS, delimiter)
    for contact in contacts:
        yield row(cells(contact), delimiter)


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


def row(cells: Iterable[str], delimiter: str) -> bytes:
    """Return a row of cells, none of which a spreadsheet takes for a formula."""
    return encode(delimiter.join(_quoted(_harmless(cell), delimiter) for cell in cells) + "\r\n")


def _quoted(cell: str, delimiter: str) -> str:
    """Return a cell in quotes if it holds a mark that separates cells or rows, here or in another country."""
    if delimiter in cell or _SEPARATES.search(cell):
        doubled = cell.replace('"', '""')
        return f'"{doubled}"'
    return cell


def _harmless(cell: str) -> str:
    return "'" + cell if cell.startswith(FORMULA_STARTS) else cell
