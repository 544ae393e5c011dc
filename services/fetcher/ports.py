"""What the fetcher asks of the world: a raw store, a queue, and the processor's HTTP API. Errors stand beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.jobs import Job
from schemas.uids import UidRanges

ENDED = frozenset({"finished", "erased"})
"""The states in which a mining's ledger is complete."""
MAX_USER_CHARACTERS = 200


class Trouble(Exception):
    """What stops the fetcher and a person can act on.

    Its text is one sentence or two, without mail, credentials or another error's text: what is wrong, with which
    value, and what to do next. The command line chooses its exit code from the class.
    """


class NotFound(Trouble):
    """There is no such object, mining or route."""


class Conflict(Trouble):
    """The other side refuses because of what it holds already; `code` is the processor's word for it."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class LeaseLost(Conflict):
    """Another fetcher has taken this mining over: whoever holds the older lease stops at once."""


class LimitExceeded(Trouble):
    """A disk or a quota is full."""


class Damaged(Trouble):
    """An object is not as it was written."""


class Denied(Trouble):
    """The other side does not accept our token or our rights."""


class Invalid(Trouble):
    """The other side calls the request malformed."""


class Unavailable(Trouble):
    """The other side does not answer, or not now; asking again later is right."""


def check_user(user: str) -> str:
    """Return the user's id; raise Invalid if it cannot be a part of a path."""
    if not user or user in (".", "..") or not user.isprintable() or "/" in user or len(user) > MAX_USER_CHARACTERS:
        raise Invalid(
            f"The user {user!r} is no id: use up to {MAX_USER_CHARACTERS} visible characters without a slash."
        )
    return user


class RawStore(Protocol):
    """Where raw mail lies until a mining's teardown. Keys are those of `schemas.segments`."""

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        """Store an object durably before returning; False, with nothing changed, where `if_absent` and it is there."""
        ...

    def get(self, key: str) -> bytes:
        """Return an object; raise NotFound."""
        ...

    def head(self, key: str, *, length: int) -> bytes:
        """Return an object's first `length` bytes, or all of it where it is shorter; raise NotFound."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys of whole objects that start with `prefix`, in any order."""
        ...


class JobQueue(Protocol):
    """Where jobs wait for a processor. Delivery is at least once."""

    def send(self, jobs: Sequence[Job]) -> None:
        """Hand the jobs over in one go; return only when the queue has them, raise Unavailable otherwise."""
        ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a fetcher asks for at begin. None means: whatever is fixed already, or the default.

    `since` and `as_of` are `YYYY-MM-DD`; `address` is the user's own address at this source.
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
class Watermark:
    """What earlier minings of a folder have done: these UIDs under this UIDVALIDITY."""

    uidvalidity: int
    uids: UidRanges


@dataclass(frozen=True, slots=True)
class Begun:
    """A mining as the processor has it: `id` is the one to fetch, which need not be the one asked for.

    What was fixed at begin: `folders` (None: the default ones), `since`, `scope` and `full`; `watermarks` are by folder
    digest. Of a mining that has ended there is the state, the ledger and the receipt alone.
    """

    id: str
    resumed: bool
    state: str
    lease: int = 0
    lease_seconds: float = 0.0
    folders: tuple[str, ...] | None = None
    since: str | None = None
    scope: str = "text"
    full: bool = False
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)
    ledger: Mapping[str, Any] | None = None
    receipt: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How far a mining is. `listed` and `sent` (segments) are None until fetching has ended.

    `done` and `dead_segments` count segments; `processed`, `duplicate` and `dead` messages.
    """

    id: str
    state: str
    cancelled: bool
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


class Minings(Protocol):
    """The part of the processor's HTTP API by which a fetcher mines. All may raise Unavailable, Denied and Invalid."""

    def begin(self, user: str, *, asked: Beginning) -> Begun:
        """Begin or resume a mining, idempotent by id; raise Conflict with the code `fixed` or `held`."""
        ...

    def renew(self, user: str, *, mining: str, lease: int) -> Status:
        """Keep the lease; raise LeaseLost where a later one was given out."""
        ...

    def fetched(
        self, user: str, *, mining: str, lease: int, skipped: Mapping[str, int], failed: Mapping[str, int]
    ) -> Status:
        """Say that fetching has ended and what was left out, in messages by reason; raise LeaseLost. Idempotent."""
        ...

    def status(self, user: str, *, mining: str) -> Status:
        """Return how far a mining is; raise NotFound."""
        ...


class Contacts(Protocol):
    """The part of the processor's HTTP API that gives contacts. May raise Unavailable, Denied and Invalid."""

    def contacts(
        self, user: str, *, source: str | None = None, after: str | None = None, limit: int = 500
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of contacts in the list's order, and the cursor of the next; read until a page is empty."""
        ...
