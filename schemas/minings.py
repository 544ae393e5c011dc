"""What a fetcher and the processor's API tell each other about a mining, as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from schemas.uids import UidRanges


@dataclass(frozen=True, slots=True)
class Beginning:
    """The body of `begin`. None means the value that is already fixed, or else the default.

    `since` and `as_of` are dates, YYYY-MM-DD; `address` is the user's own address at this source.
    """

    id: str
    source: str
    address: str
    chunks: int
    holder: str
    me: tuple[str, ...] | None = None
    folders: tuple[str, ...] | None = None
    since: str | None = None
    scope: str | None = None
    as_of: str | None = None
    full: bool | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings fixed at begin. `since` and `as_of` are dates, YYYY-MM-DD; `own` holds folded addresses."""

    address: str
    folders: tuple[str, ...] | None
    since: str | None
    scope: str
    as_of: str
    chunks: int
    full: bool
    own: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the settings as a dict that JSON can encode."""
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned."""
        folders = fields["folders"]
        lists = {"folders": None if folders is None else tuple(folders), "own": tuple(fields["own"])}
        return cls(**{**fields, **lists})


@dataclass(frozen=True, slots=True)
class Watermark:
    """What earlier minings of a folder have done: these UIDs under this UIDVALIDITY."""

    uidvalidity: int
    uids: UidRanges


@dataclass(frozen=True, slots=True)
class Begun:
    """A mining as `begin` returns it. `id` is the mining to fetch, which can differ from the requested one.

    `watermarks` are by folder digest. A mining that has already ended has no settings, but a ledger and a receipt.
    """

    id: str
    resumed: bool
    state: str
    lease: int = 0
    lease_seconds: float = 0.0
    settings: Settings | None = None
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)
    ledger: Mapping[str, Any] | None = None
    receipt: Mapping[str, Any] | None = None

    @property
    def fixed(self) -> Settings:
        """The settings of a mining that has not ended; raise ValueError if it has."""
        if self.settings is None:
            raise ValueError("a mining that has ended has no settings")
        return self.settings

    def to_json(self) -> dict[str, Any]:
        """Return the answer to `begin` as a dict that JSON can encode."""
        told: dict[str, Any] = {name: getattr(self, name) for name in ("id", "resumed", "state", "ledger", "receipt")}
        if self.settings is None:
            return told
        marks = {
            folder: {"uidvalidity": mark.uidvalidity, "uids": str(mark.uids)}
            for folder, mark in self.watermarks.items()
        }
        return told | {
            "lease": self.lease,
            "lease_seconds": self.lease_seconds,
            "settings": self.settings.to_json(),
            "watermarks": marks,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned; anything else raises LookupError, TypeError, ValueError or AttributeError."""
        told = {name: fields[name] for name in ("id", "resumed", "state", "ledger", "receipt")}
        if "settings" not in fields:
            return cls(**told)
        marks = {
            folder: Watermark(mark["uidvalidity"], UidRanges.parse(mark["uids"]))
            for folder, mark in fields["watermarks"].items()
        }
        return cls(
            **told,
            lease=fields["lease"],
            lease_seconds=fields["lease_seconds"],
            settings=Settings.from_json(fields["settings"]),
            watermarks=marks,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """The progress of a mining. `listed` (messages) and `sent` (segments) are None until fetching has ended.

    `done` and `dead_segments` count segments; `processed`, `duplicate` and `dead` count messages. `begun_at` and
    `finished_at` are ISO 8601 in UTC; `source_name` is the mailbox's own address.
    """

    id: str
    state: str
    cancelled: bool
    source_name: str = ""
    begun_at: str | None = None
    finished_at: str | None = None
    listed: int | None = None
    sent: int | None = None
    done: int = 0
    dead_segments: int = 0
    processed: int = 0
    duplicate: int = 0
    dead: int = 0
    chunks: int = 0
    chunks_refined: int = 0
    ledger: Mapping[str, Any] | None = None
    receipt: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the status as a dict that JSON can encode; `finished_at` is there once the mining has ended."""
        return {
            "id": self.id,
            "source_name": self.source_name,
            "state": self.state,
            "cancelled": self.cancelled,
            "begun_at": self.begun_at,
            **({} if self.finished_at is None else {"finished_at": self.finished_at}),
            "listed": self.listed,
            "segments": {"sent": self.sent, "done": self.done, "dead": self.dead_segments},
            "messages": {"processed": self.processed, "duplicate": self.duplicate, "dead": self.dead},
            "chunks": self.chunks,
            "chunks_refined": self.chunks_refined,
            "ledger": self.ledger,
            "receipt": self.receipt,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_json` returned; anything else raises LookupError, TypeError, ValueError or AttributeError."""
        segments, messages = fields["segments"], fields["messages"]
        return cls(
            id=fields["id"],
            state=fields["state"],
            cancelled=fields["cancelled"],
            source_name=fields.get("source_name", ""),
            begun_at=fields.get("begun_at"),
            finished_at=fields.get("finished_at"),
            listed=fields["listed"],
            sent=segments["sent"],
            done=segments["done"],
            dead_segments=segments["dead"],
            processed=messages["processed"],
            duplicate=messages["duplicate"],
            dead=messages["dead"],
            chunks=fields["chunks"],
            chunks_refined=fields["chunks_refined"],
            ledger=fields["ledger"],
            receipt=fields["receipt"],
        )
