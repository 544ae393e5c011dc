"""Which contacts are wanted, and in which order: what the command line, the API and the page can ask for."""

from dataclasses import dataclass
from enum import StrEnum


class Order(StrEnum):
    """The order of a list of contacts: warmest first, latest message first, or by name."""

    WARMTH = "warmth"
    RECENT = "recent"
    NAME = "name"


@dataclass(frozen=True, slots=True)
class Selection:
    """Contacts that match everything that is not None, in this order.

    `q` holds the beginnings of words of a name or address, and `source` a mailbox's address. With `since`, a date such
    as 2026-01-31, a contact's last message is not older. `mining` is the id of the mining that found it first.
    """

    q: str | None = None
    tag: str | None = None
    source: str | None = None
    since: str | None = None
    mining: str | None = None
    order: Order = Order.WARMTH

    @property
    def narrows(self) -> bool:
        """Whether this can leave out contacts."""
        return bool(self.filters())

    def filters(self) -> dict[str, str]:
        """Return the filters that are set, as parameters of the processor's API."""
        named = {name: getattr(self, name) for name in ("q", "tag", "source", "since", "mining")}
        return {name: value for name, value in named.items() if value is not None}
