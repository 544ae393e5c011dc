"""The messages of the work queue. A job points to things; it never carries mail, addresses or credentials."""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Self
from uuid import UUID

VERSION = 1


class JobKind(StrEnum):
    """The kinds of work."""

    SEGMENT = "segment"
    REFINE = "refine"
    TEARDOWN = "teardown"


class BadJob(ValueError):
    """The text is not a job of this version."""


@dataclass(frozen=True, slots=True)
class Job:
    """One queue message.

    SEGMENT jobs use `segment`, the part of the object key after the mining's id, and `messages`, the number of messages
    in the object. REFINE jobs cover `chunks` chunks from `chunk` on; chunks are numbered from 0.
    """

    kind: JobKind
    mining: str
    segment: str = ""
    messages: int = 0
    chunk: int = 0
    chunks: int = 1

    def encode(self) -> str:
        """Return the job as one line of JSON, shorter than 1 KB."""
        fields: dict[str, object] = {"v": VERSION, "kind": self.kind, "mining": self.mining}
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
            job = cls(
                kind=JobKind(fields["kind"]),
                mining=str(UUID(fields["mining"])),
                segment=str(fields.get("segment", "")),
                messages=int(fields.get("messages", 0)),
                chunk=int(fields.get("chunk", 0)),
                chunks=int(fields.get("chunks", 1)),
            )
        except BadJob:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
            raise BadJob("not a job") from error
        if (job.kind is JobKind.SEGMENT) != bool(job.segment) or min(job.messages, job.chunk, job.chunks - 1) < 0:
            raise BadJob("not a job")
        return job
