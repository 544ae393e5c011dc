"""Segments and the plan: the objects of the raw store, and their keys.

A mining's objects are stored under its id: ``{mining}/plan`` and
``{mining}/{folder digest}/{uidvalidity}/{first}-{last}``. A segment is one line of JSON followed by the messages'
bytes, one after the other, uncompressed.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from schemas.uids import UidRanges

VERSION = 1
MAX_MESSAGES = 500
"""Messages per segment, at most."""
MAX_BYTES = 4 * 1024 * 1024
"""Bytes of mail per segment, planned from RFC822.SIZE and the scope's cap. Four at once fit a Worker's 128 MB.

Of headers alone, three times as much mail is planned, because servers announce only the size of the whole."""
MESSAGE_CAP_BYTES = 4 * 1024 * 1024
"""No message is read beyond this, in any scope. A message that was cut is marked."""
TEXT_CAP_BYTES = 65_536
"""The scope `text` reads this much of a message: nearly always all of its text, but not the bulk of attachments."""

_MINING = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class UnreadableSegment(ValueError):
    """The object is not a complete segment. The error's text says why, in one word."""


def folder_digest(folder: str) -> str:
    """Return the 16 hex digits that replace a folder's name in keys, ledgers and logs."""
    return hashlib.blake2b(folder.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def is_mining(name: str) -> bool:
    """Return whether the first part of a key is a mining's id. Objects under any other name are not ours."""
    return _MINING.fullmatch(name) is not None


def plan_key(mining: str) -> str:
    """Return the key of a mining's plan."""
    return f"{mining}/plan"


def segment_name(digest: str, uidvalidity: int, first: int, last: int) -> str:
    """Return a segment's name: its key without the mining's id."""
    return f"{digest}/{uidvalidity}/{first}-{last}"


def segment_key(mining: str, name: str) -> str:
    """Return the key of a segment."""
    return f"{mining}/{name}"


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A segment's entry for one message. `internal_date` is in seconds since 1970, UTC."""

    uid: int
    length: int
    internal_date: int | None = None
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """The head of a segment; `folder` is the folder's digest.

    `covers` holds the UIDs that the watermark can include once this segment is done: its messages' UIDs and, if the
    search was unfiltered, the nonexistent ones between them. It is empty if the folder has no UIDVALIDITY.
    """

    folder: str
    uidvalidity: int
    covers: UidRanges
    messages: tuple[StoredMessage, ...]

    def encode(self, bodies: Sequence[bytes]) -> bytes:
        """Return the whole object. `bodies` are the messages' bytes in order; raise ValueError if a length differs."""
        if [len(body) for body in bodies] != [m.length for m in self.messages]:
            raise ValueError("lengths and bodies differ")
        head = {
            "v": VERSION,
            "folder": self.folder,
            "uidvalidity": self.uidvalidity,
            "covers": str(self.covers),
            "messages": [[m.uid, m.length, m.internal_date, int(m.truncated)] for m in self.messages],
        }
        return b"".join((json.dumps(head, separators=(",", ":")).encode(), b"\n", *bodies))

    @classmethod
    def decode(cls, data: bytes) -> tuple[Self, memoryview]:
        """Return the head and the bytes after it; raise UnreadableSegment if either is incomplete."""
        end = data.find(b"\n")
        try:
            head = json.loads(data[:end] if end >= 0 else b"")
            if head["v"] != VERSION:
                raise UnreadableSegment("version")
            segment = cls(
                folder=str(head["folder"]),
                uidvalidity=int(head["uidvalidity"]),
                covers=UidRanges.parse(head["covers"]),
                messages=tuple(StoredMessage(int(u), _length(n), d, bool(t)) for u, n, d, t in head["messages"]),
            )
        except UnreadableSegment:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise UnreadableSegment("head") from error
        body = memoryview(data)[end + 1 :]
        if sum(m.length for m in segment.messages) != len(body):
            raise UnreadableSegment("length")
        return segment, body

    def bodies(self, body: memoryview) -> Iterator[tuple[StoredMessage, bytes]]:
        """Yield each message with its bytes, one at a time."""
        at = 0
        for message in self.messages:
            yield message, bytes(body[at : at + message.length])
            at += message.length


def _length(value: int) -> int:
    if value < 0:
        raise UnreadableSegment("length")
    return int(value)


@dataclass(frozen=True, slots=True)
class PlannedSegment:
    """The UIDs of a folder that make up one segment. `uids` are those listed; `covers` is as in `Segment`."""

    uids: UidRanges
    covers: UidRanges

    @property
    def first(self) -> int:
        return next(self.uids.pairs())[0]

    @property
    def last(self) -> int:
        return list(self.uids.pairs())[-1][1]


@dataclass(frozen=True, slots=True)
class PlannedFolder:
    """One folder of the plan: its segments, and in `failed` why not all of it was listed, as in `schemas.ledger`."""

    name: str
    uidvalidity: int = 0
    segments: tuple[PlannedSegment, ...] = ()
    failed: str = ""

    @property
    def digest(self) -> str:
        return folder_digest(self.name)

    def segment_name(self, segment: PlannedSegment) -> str:
        """Return the name of one of this folder's segments."""
        return segment_name(self.digest, self.uidvalidity, segment.first, segment.last)


@dataclass(frozen=True, slots=True)
class Plan:
    """A mining's first object. It never changes once written; a fetcher that resumes the mining reads it."""

    folders: tuple[PlannedFolder, ...] = field(default=())

    @property
    def listed(self) -> int:
        """The number of messages that the server listed, minus those that the watermarks cover."""
        return sum(len(segment.uids) for folder in self.folders for segment in folder.segments)

    def encode(self) -> bytes:
        """Return the plan as an object of the raw store."""
        folders = [
            {
                "name": folder.name,
                "uidvalidity": folder.uidvalidity,
                "failed": folder.failed,
                "segments": [[str(segment.uids), str(segment.covers)] for segment in folder.segments],
            }
            for folder in self.folders
        ]
        return json.dumps({"v": VERSION, "folders": folders}, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote; raise UnreadableSegment for anything else."""
        try:
            fields = json.loads(data)
            if fields["v"] != VERSION:
                raise UnreadableSegment("version")
            return cls(
                tuple(
                    PlannedFolder(
                        name=folder["name"],
                        uidvalidity=folder["uidvalidity"],
                        failed=folder["failed"],
                        segments=tuple(
                            PlannedSegment(UidRanges.parse(uids), UidRanges.parse(covers))
                            for uids, covers in folder["segments"]
                        ),
                    )
                    for folder in fields["folders"]
                )
            )
        except UnreadableSegment:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise UnreadableSegment("plan") from error
