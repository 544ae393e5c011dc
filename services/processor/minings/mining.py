"""An unfinished mining, as its row in the temporary tables has it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Self

from processor.ports import Row
from schemas.minings import Settings


@dataclass(frozen=True, slots=True)
class Mining:
    """One unfinished mining, as it was read."""

    number: int
    id: str
    user: str
    user_number: int
    source: str
    settings: Settings
    state: str
    cancelled: bool
    ended_by: str
    lease: int
    holder: str
    listed: int | None
    skipped: dict[str, int]
    failed: dict[str, int]
    folders_failed: dict[str, str]
    closing: dict[str, Any] | None
    round: int
    resends: int
    begun_at: int
    silent_seconds: float

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Read a row of the statement `mining`."""
        return cls(
            number=row["mining_no"],
            id=row["mining"],
            user=row["user"],
            user_number=row["user_no"],
            source=row["source"],
            settings=Settings.from_json(json.loads(row["settings"])),
            state=row["state"],
            cancelled=bool(row["cancelled"]),
            ended_by=row["ended_by"],
            lease=row["lease"],
            holder=row["holder"],
            listed=row["listed"],
            skipped=json.loads(row["skipped"]),
            failed=json.loads(row["failed"]),
            folders_failed=json.loads(row["folders_failed"]),
            closing=json.loads(row["closing"]) if row["closing"] else None,
            round=row["round"],
            resends=row["resends"],
            begun_at=row["begun_at"],
            silent_seconds=row["silent_seconds"],
        )


@dataclass(frozen=True, slots=True)
class Renewed:
    """A mining whose lease was renewed: its numbers of segments and messages, and how many chunks are refined."""

    mining: Mining
    totals: Row
    chunks_refined: int

    @classmethod
    def from_row(cls, row: Row) -> Self:
        """Read a row of the statement `renew_lease`."""
        return cls(Mining.from_row(row), json.loads(row["totals"]), row["chunks_refined"])


def digest_source(source: str) -> str:
    """Return the 16 hex digits that identify a source in the tables."""
    return hashlib.blake2b(source.encode(), digest_size=8).hexdigest()


def dump(value: object) -> str:
    """Return the value as JSON text; equal values give the same text."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True)
