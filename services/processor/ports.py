"""What the processor needs from the outside, and the errors it can meet. Adapters translate their errors into these."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeVar

from schemas.jobs import Job

Row = Mapping[str, Any]
T = TypeVar("T")


class NotFound(Exception):
    """The requested object or row does not exist."""


class Conflict(Exception):
    """A guard refused the batch, or another processor was first. Nothing was written: read again and start over."""


class LimitExceeded(Exception):
    """The object or value is larger than the platform accepts. A retry does not help."""


class Unavailable(Exception):
    """The store, queue or database does not answer now. As far as we know, the request itself is fine."""


class Full(Unavailable):
    """The database has reached its limit of size. What was asked for can be done once other rows have been deleted."""


class Compute(Protocol):
    """Runs what takes long and waits for nothing. Other tasks go on meanwhile if the platform has threads."""

    async def __call__(self, work: Callable[[], T], /) -> T:
        """Return what `work` returns, or raise what it raises."""


async def compute_here(work: Callable[[], T], /) -> T:
    """Compute on a platform without threads."""
    return work()


class Alert(Protocol):
    """Tells the operator, in the log, of something that needs attention."""

    def __call__(self, event: str, **fields: str) -> None:
        """Write one line. The fields hold no mail, no address and no credential."""


class RawStore(Protocol):
    """Objects by key. Keys are paths of ASCII letters, digits, `/`, `-` and `.`."""

    async def get(self, key: str) -> bytes:
        """Return an object's bytes; raise NotFound."""

    def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys that start with the prefix, which is empty or ends with `/`, in any order."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects. A missing object is not an error."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement with its arguments: strings, numbers, booleans, None, or lists of these."""

    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict)


class MiningStore(Protocol):
    """The temporary tables, through named statements. Each dialect has its own SQL for them."""

    @property
    def is_crowded(self) -> bool:
        """Whether only what is under way can be written, because the database is close to its limit of size."""

    async def query(self, statement: str, /, **arguments: Any) -> list[Row]:
        """Run one statement by itself and return its rows."""

    async def batch(self, statements: Sequence[Statement]) -> None:
        """Run all statements or none; raise Conflict if one of their guards does not hold."""


class ContactStore(Protocol):
    """The permanent side: the functions of schema `leadminer`, with JSON values in and out."""

    async def call(self, function: str, **arguments: Any) -> Any:
        """Run one function in its own transaction and return its result."""


class JobQueue(Protocol):
    """The queue to the processors. It delivers at least once, in any order."""

    async def send(self, jobs: Sequence[Job]) -> None:
        """Queue these jobs. They are durable when this returns."""

    async def bury(self, job: str, *, reason: str) -> None:
        """Put the unchanged text of a job that was given up on the dead-letter queue."""


class Delivery(NamedTuple):
    """One delivered job, and how often it has been delivered."""

    id: str
    job: str
    deliveries: int


class Deliveries(Protocol):
    """The consumer's side of the queue, from which a processor receives its jobs."""

    async def receive(self, *, wait_seconds: float) -> Delivery | None:
        """Return the next job, or None if none arrives in time."""

    async def renew(self, delivery: Delivery) -> None:
        """Keep a delivery ours while we work on it. This does not count as another delivery."""

    async def settle(self, delivery: Delivery) -> None:
        """Acknowledge a delivery and remove it from the queue."""

    async def bury(self, job: str, *, reason: str) -> None:
        """Put a job that was given up on the dead-letter queue."""
