"""Contacts as the CSV that Google Contacts exports and imports."""

from collections.abc import Iterable, Iterator

from fetcher.contacts.contact import Contact, record, split_name, tag_names
from fetcher.contacts.csv import row

COLUMNS = (
    "First Name",
    "Middle Name",
    "Last Name",
    "Phonetic First Name",
    "Phonetic Middle Name",
    "Phonetic Last Name",
    "Name Prefix",
    "Name Suffix",
    "Nickname",
    "File As",
    "Organization Name",
    "Organization Title",
    "Organization Department",
    "Birthday",
    "Notes",
    "Photo",
    "Labels",
    "E-mail 1 - Label",
    "E-mail 1 - Value",
    "E-mail 2 - Label",
    "E-mail 2 - Value",
)
"""The columns with which each export of Google Contacts starts (contacts.google.com, 2026-11)."""
SEVERAL = " ::: "
"""What Google writes between several values of one cell."""
MINE = "* myContacts"
"""The label of what is shown among the contacts, not among those that Google found by itself."""


def google_rows(contacts: Iterable[Contact]) -> Iterator[bytes]:
    """Yield the header row, without a byte order mark, which Google takes for a part of it; then a row per contact."""
    yield row(COLUMNS, ",")
    for contact in contacts:
        yield row(_cells(contact), ",")


def _cells(contact: Contact) -> list[str]:
    given, family = split_name(contact["name"] or "")
    fields = record(contact)
    known = {
        "First Name": given,
        "Last Name": family,
        "Nickname": SEVERAL.join(fields["alternate_names"]),
        "Labels": SEVERAL.join([*tag_names(contact), MINE]),
        "E-mail 1 - Value": contact["address"],
        "E-mail 2 - Value": SEVERAL.join(fields["alternate_emails"]),
    }
    return [known.get(column, "") for column in COLUMNS]
