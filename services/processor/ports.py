"""What the processor needs of the world, and how the world may fail it. Adapters translate their errors into these."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from schemas.jobs import Job

Row = Mapping[str, Any]


class NotFound(Exception):
    """The thing asked for is not there."""


class Conflict(Exception):
    """A guard refused the batch, or another got there first: nothing was written, read again and start over."""


class LimitExceeded(Exception):
    """The thing is larger than the platform takes; repeating does not help."""


class Unavailable(Exception):
    """The store, queue or database does not answer now; nothing is known to be wrong with what was asked."""


class RawStore(Protocol):
    """Objects by key; keys are paths of ASCII letters, digits, `/`, `-` and `.`."""

    async def get(self, key: str) -> bytes:
        """Return an object's bytes; raise NotFound."""

    def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with the prefix, which is empty or ends with `/`, in any order."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove these objects; one that is not there is no error."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement with its arguments: texts, numbers, booleans, None, or lists of them."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class MiningStore(Protocol):
    """The temporary tables: named statements, of which each dialect has its own text."""

    async def query(self, statement: str, /, **arguments: Any) -> list[Row]:
        """Run one statement by itself and return its rows."""

    async def batch(self, statements: Sequence[Statement]) -> None:
        """Run all statements or none; raise Conflict where a guard among them does not hold."""


class ContactStore(Protocol):
    """The permanent side: functions of the schema `leadminer`, JSON values in and out."""

    async def call(self, function: str, **arguments: Any) -> Any:
        """Run one function in a transaction of its own and return what it returns."""


class JobQueue(Protocol):
    """The way to processors; at least once, in any order."""

    async def send(self, jobs: Sequence[Job]) -> None:
        """Queue these jobs; when this returns they are durable."""

    async def bury(self, job: str, *, reason: str) -> None:
        """Put a job that was given up on the dead-letter queue, as it was read."""


class Delivery(NamedTuple):
    """One job as it was handed out, and how often it has been."""

    id: str
    job: str
    deliveries: int


class Deliveries(Protocol):
    """The consumer's side of the queue, where a processor asks for its jobs."""

    async def receive(self, *, wait_seconds: float) -> Delivery | None:
        """Return the next job, or None where none came in time."""

    async def renew(self, delivery: Delivery) -> None:
        """Keep a delivery ours while the work goes on; does not count as another delivery."""

    async def settle(self, delivery: Delivery) -> None:
        """Acknowledge a delivery and forget it."""

    async def bury(self, job: str, *, reason: str) -> None:
        """Put a job that was given up on the dead-letter queue."""
