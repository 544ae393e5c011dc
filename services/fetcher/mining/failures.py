"""What a mail server did not give, by folder, in its own words: kept in memory only, for the person who waits."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from schemas.ledger import Failed

KEPT_FAILURES = 1_000
"""Folders and reasons that are remembered; the ledger has the digests of all."""
KEPT_UIDS = 10


@dataclass(frozen=True, slots=True)
class Failure:
    """Why something in a folder was not read.

    `folder` is its name, or empty for a line of the list of folders that cannot be read, which is then in `said`.
    `messages` is 0 if the whole folder failed. `uids` are those of the first messages. `said` is what the server said,
    sanitized and cut.
    """

    folder: str
    reason: str
    messages: int = 0
    uids: tuple[int, ...] = ()
    said: str = ""


class Failures:
    """The failures of one mining; each folder and reason is one of them."""

    def __init__(self) -> None:
        """Begin without any."""
        self._found: dict[tuple[str, str], Failure] = {}

    def add(self, folder: str, reason: Failed, *, uids: Iterable[int] = (), said: str = "") -> None:
        """Add messages of a folder that failed for a reason, or the whole folder."""
        key, gone = (folder, reason.value), tuple(uids)
        known = self._found.get(key, Failure(*key))
        if key not in self._found and len(self._found) == KEPT_FAILURES:
            return
        first = tuple(islice((*known.uids, *gone), KEPT_UIDS))
        self._found[key] = Failure(*key, known.messages + len(gone), first, said or known.said)

    def all(self) -> tuple[Failure, ...]:
        """Return the failures so far, in the order in which they were found."""
        return tuple(self._found.values())
