"""The ledger of a mining: every message that the server listed ends in exactly one column.

listed  = fetched + skipped(reason) + failed(reason)
fetched = processed + duplicate + dead(reason)
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self


class Skipped(StrEnum):
    """Why a listed message was not fetched, though nothing failed."""

    VANISHED = "vanished"
    CANCELLED = "cancelled"
    SILENT = "silent"
    """The fetcher was silent for a day, so the mining was ended without it."""


class Failed(StrEnum):
    """Why a listed message, or a whole folder, could not be read."""

    UIDVALIDITY = "uidvalidity"
    """The folder was recreated while it was being read."""
    REFUSED = "refused"
    """The server answered NO or BAD several times, though it gave other messages or opened other folders, or it sent
    something that is not the message."""
    MISSING = "missing"
    """The folder that the user named does not exist, or disappeared."""
    UNLISTED = "unlisted"
    """The server counts more than it lists, or a line of its list of folders cannot be read."""
    UNAVAILABLE = "unavailable"
    """The server gave nothing for a while, or said that it cannot at the moment: the next mining reads it."""


class Dead(StrEnum):
    """Why the processor gave up on a segment, or on the whole mining."""

    UNREADABLE = "unreadable"
    LIMIT = "limit"
    CRASHES = "crashes"
    ERROR = "error"
    CANCELLED = "cancelled"
    """The mining was discarded."""


class Verdict(StrEnum):
    """Whether an address became a contact, and if not, why."""

    CONTACT = "contact"
    DISPOSABLE = "disposable"
    UNREACHABLE = "unreachable"
    """Nobody reads it: it has no address tag of reachability 1."""
    AUTOMATED = "automated"
    """Most of its messages were sent by machines or to lists, and the user never wrote to it."""


@dataclass(slots=True)
class Ledger:
    """The account of one mining, in messages.

    `contacts` counts addresses per verdict; `folders_failed` maps a folder's digest to the reason it failed.
    `unparsable` is part of `processed`. `cut` counts messages that were read only in part, and is part of `fetched`.
    `unread_fields` counts mailbox fields (From, To …) of fetched messages, copies included, that say something but in
    which no address could be read.
    """

    listed: int = 0
    fetched: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    processed: int = 0
    duplicate: int = 0
    dead: dict[str, int] = field(default_factory=dict)
    unparsable: int = 0
    cut: int = 0
    unread_fields: int = 0
    contacts: dict[str, int] = field(default_factory=dict)
    folders_failed: dict[str, str] = field(default_factory=dict)

    def imbalance(self) -> list[str]:
        """Return one sentence for each of the two lines that does not balance; an empty list if both do."""
        out = self.fetched + sum(self.skipped.values()) + sum(self.failed.values())
        done = self.processed + self.duplicate + sum(self.dead.values())
        return [
            f"{name} is {total}, but its columns add up to {columns}"
            for name, total, columns in (("listed", self.listed, out), ("fetched", self.fetched, done))
            if total != columns
        ]

    @property
    def incomplete(self) -> bool:
        """Whether the server did not give everything it listed, so that another mining has something left to read."""
        return Failed.UNAVAILABLE in self.failed or Failed.UNAVAILABLE in self.folders_failed.values()

    def to_json(self) -> dict[str, Any]:
        """Return the ledger as a dict that JSON can encode."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned; raise TypeError for unknown fields."""
        return cls(**fields)
