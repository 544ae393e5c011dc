"""The fetcher's ports: a raw store, a queue, the processor's HTTP API, and the errors that they raise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from schemas.jobs import Job
from schemas.uids import UidRanges

ENDED = frozenset({"finished", "erased"})
"""The states in which a mining's ledger is complete."""
MAX_USER_CHARACTERS = 200


class Trouble(Exception):
    """An error that stops the fetcher and that a person can act on.

    Its text is one or two sentences that say what is wrong, with which value, and what to do next. It never contains
    mail, credentials or another error's text. The class determines the exit code of the command line.
    """


class NotFound(Trouble):
    """The object, mining or route does not exist."""


class Conflict(Trouble):
    """The request conflicts with the other side's current state; `code` is the processor's word for why."""

    def __init__(self, sentence: str, code: str = "") -> None:
        super().__init__(sentence)
        self.code = code


class LeaseLost(Conflict):
    """Another fetcher has taken over this mining; the holder of the older lease must stop immediately."""


class LimitExceeded(Trouble):
    """A disk or a quota is full."""


class Damaged(Trouble):
    """A stored object is damaged."""


class Denied(Trouble):
    """The other side refuses our token, or we lack a permission."""


class Invalid(Trouble):
    """The other side rejects the request as malformed."""


class Unavailable(Trouble):
    """The other side does not answer at the moment; trying again later may help."""


def check_user(user: str) -> str:
    """Return the user's id; raise Invalid if it cannot be part of a URL path."""
    if not user or user in (".", "..") or not user.isprintable() or "/" in user or len(user) > MAX_USER_CHARACTERS:
        raise Invalid(
            f"{user!r} is not a valid user id: use 1 to {MAX_USER_CHARACTERS} printable characters and no slash."
        )
    return user


class RawStore(Protocol):
    """Stores raw mail until the mining's teardown. `schemas.segments` defines the keys."""

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        """Store an object durably before returning. With `if_absent`, return False and change nothing if it exists."""
        ...

    def get(self, key: str) -> bytes:
        """Return an object; raise NotFound."""
        ...

    def head(self, key: str, *, length: int) -> bytes:
        """Return the first `length` bytes of an object, or all of it if it is shorter; raise NotFound."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys of complete objects that start with `prefix`, in any order."""
        ...


class JobQueue(Protocol):
    """Holds jobs until a processor takes them. Delivery is at least once."""

    def send(self, jobs: Sequence[Job]) -> None:
        """Send all jobs; return only once the queue has them, otherwise raise Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a fetcher asks for at begin. None means the value that is already fixed, or else the default.

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
    """A mining as begin returns it. `id` is the mining to fetch, which can differ from the requested one.

    `folders` (None: the default ones), `since`, `scope`, `full` and `own`, the user's known addresses, were fixed at
    begin. `watermarks` are by folder digest. A mining that has already ended has only a state, a ledger and a receipt.
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
    own: tuple[str, ...] = ()
    watermarks: Mapping[str, Watermark] = field(default_factory=dict)
    ledger: Mapping[str, Any] | None = None
    receipt: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """The progress of a mining. `listed` (messages) and `sent` (segments) are None until fetching has ended.

    `done` and `dead_segments` count segments; `processed`, `duplicate` and `dead` count messages.
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
    """The part of the processor's HTTP API for mining. Every method may raise Unavailable, Denied or Invalid."""

    def begin(self, user: str, *, asked: Beginning) -> Begun:
        """Start or resume a mining, idempotent by id; raise Conflict with the code `fixed` or `held`."""
        ...

    def renew(self, user: str, *, mining: str, lease: int) -> Status:
        """Renew the lease; raise LeaseLost if a newer one has been issued."""
        ...

    def fetched(
        self, user: str, *, mining: str, lease: int, skipped: Mapping[str, int], failed: Mapping[str, int]
    ) -> Status:
        """Report the end of fetching and the number of messages left out, by reason; raise LeaseLost. Idempotent."""
        ...

    def status(self, user: str, *, mining: str) -> Status:
        """Return the mining's progress; raise NotFound."""
        ...


class Contacts(Protocol):
    """The part of the processor's HTTP API for contacts. It may raise Unavailable, Denied or Invalid."""

    def contacts(
        self, user: str, *, source: str | None = None, after: str | None = None, limit: int = 500
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of contacts in display order and the cursor of the next page; read until a page is empty."""
        ...
