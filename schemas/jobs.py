"""The messages of the work queue. A job points to things; it never carries mail, addresses or credentials."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

VERSION = 1
MAX_SECONDS = 2**38
"""More than any time that a database can hold."""


class JobKind(StrEnum):
    """The kinds of work."""

    SEGMENT = "segment"
    REFINE = "refine"
    TEARDOWN = "teardown"
    ECHO = "echo"
    """Concerns no mining. When it arrives, everything that was sent before it has arrived too, or is lost."""


class BadJob(ValueError):
    """The text is not a job of this version."""


@dataclass(frozen=True, slots=True)
class Job:
    """One queue message.

    SEGMENT jobs use `segment`, the part of the object key after the mining's id, and `messages`, the number of messages
    in the object. REFINE jobs cover `chunks` chunks from `chunk` on; chunks are numbered from 0. `round` says how often
    the mining's jobs had been sent again; those of its earlier rounds are void. An ECHO job has only `sent`, the time
    at which it was sent, in seconds since 1970 by the clock of the temporary tables.
    """

    kind: JobKind
    mining: str = ""
    segment: str = ""
    messages: int = 0
    chunk: int = 0
    chunks: int = 1
    round: int = 0
    sent: float = 0.0

    def encode(self) -> str:
        """Return the job as one line of JSON, shorter than 1 KB."""
        fields: dict[str, object] = {"v": VERSION, "kind": self.kind}
        fields |= {"sent": self.sent} if self.kind is JobKind.ECHO else {"mining": self.mining}
        if self.round:
            fields["round"] = self.round
        if self.kind is JobKind.SEGMENT:
            fields |= {"segment": self.segment, "messages": self.messages}
        elif self.kind is JobKind.REFINE:
            fields |= {"chunk": self.chunk, "chunks": self.chunks}
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str | bytes) -> Self:
        """Read what `encode` wrote. Raise BadJob for anything else; the error does not repeat the text."""
        try:
            fields = json.loads(text)
            if fields["v"] != VERSION:
                raise BadJob("a job of a different version")
            kind = JobKind(fields["kind"])
            job = cls(
                kind=kind,
                mining="" if kind is JobKind.ECHO else str(UUID(fields["mining"])),
                segment=str(fields.get("segment", "")),
                messages=int(fields.get("messages", 0)),
                chunk=int(fields.get("chunk", 0)),
                chunks=int(fields.get("chunks", 1)),
                round=int(fields.get("round", 0)),
                sent=float(fields.get("sent", 0)),
            )
        except BadJob:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise BadJob("not a job") from error
        counts = (job.messages, job.chunk, job.chunks - 1, job.round)
        if (kind is JobKind.SEGMENT) != bool(job.segment) or min(counts) < 0 or not 0 <= job.sent < MAX_SECONDS:
            raise BadJob("not a job")
        return job
