"""Read a user's contacts page by page from the processor."""

from collections.abc import Iterator
from typing import cast

from fetcher.contacts.contact import Contact
from fetcher.ports import Contacts

PAGE = 1000
"""Contacts per request: the processor's maximum."""


def read_contacts(contacts: Contacts, user: str, *, source: str | None, page: int = PAGE) -> Iterator[Contact]:
    """Yield a user's contacts in display order; `source` is the address of the mailbox that they came from."""
    after: str | None = None
    while True:
        found, after = contacts.contacts(user, source=source, after=after, limit=page)
        if not found:
            return
        yield from cast("list[Contact]", found)
        if after is None:
            return
