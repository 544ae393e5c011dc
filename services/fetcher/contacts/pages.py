"""Read a user's contacts page by page from the processor."""

from collections.abc import Iterator
from typing import Any, Protocol, cast

from fetcher.contacts.contact import Contact
from fetcher.contacts.selection import Selection

PAGE = 1000
"""Contacts per request: the processor's maximum."""


class Contacts(Protocol):
    """The part of the processor's HTTP API for contacts. It may raise Unavailable, Denied or Invalid."""

    def contacts(
        self, user: str, *, selection: Selection = ..., after: str | None = None, limit: int = 500
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of the selected contacts and the cursor of the next page; read until a page is empty."""
        ...


def read_contacts(
    contacts: Contacts, user: str, *, selection: Selection | None = None, page: int = PAGE
) -> Iterator[Contact]:
    """Yield the selected contacts of a user, by default all, warmest first."""
    after: str | None = None
    while True:
        found, after = contacts.contacts(user, selection=selection or Selection(), after=after, limit=page)
        if not found:
            return
        yield from cast("list[Contact]", found)
        if after is None:
            return
