"""The fetcher's ports: a raw store, a queue, the processor's HTTP API, and the errors that they raise."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from schemas.jobs import Job
from schemas.minings import Beginning, Begun, Status

ENDED = frozenset({"finished", "failed", "erased"})
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


class Minings(Protocol):
    """The part of the processor's HTTP API for mining. Every method may raise Unavailable, Denied or Invalid."""

    def begin(self, user: str, *, asked: Beginning) -> Begun:
        """Start or resume a mining, idempotent by id; raise Conflict with the code `fixed`, `held` or `many`."""
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
