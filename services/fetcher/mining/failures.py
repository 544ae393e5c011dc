"""What a mail server did not give, by folder, in its own words: kept in memory only, for the person who waits."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from schemas.ledger import Failed

KEPT_FAILURES = 1_000
"""Folders and reasons that are remembered; the ledger has the digests of all."""
KEPT_UIDS = 10
FOLDER_CHARACTERS = 80
"""How much of a folder's name is told."""
FOLDERS = {
    Failed.UIDVALIDITY: "was replaced by another folder while it was read",
    Failed.REFUSED: "was refused",
    Failed.MISSING: "does not exist",
    Failed.UNLISTED: "has more messages than the server lists",
    Failed.UNAVAILABLE: "was not available",
}
MESSAGES = {
    Failed.UIDVALIDITY: "lost when the folder was replaced by another one",
    Failed.REFUSED: "refused",
    Failed.MISSING: "lost when the folder was removed",
    Failed.UNLISTED: "not listed",
    Failed.UNAVAILABLE: "not available",
}


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

    def told(self) -> str:
        """Return the failure in a sentence for a person, with the server's own words."""
        if not self.folder:
            return f"A line of its list of folders cannot be read: {self.said}"
        name = self.folder if len(self.folder) <= FOLDER_CHARACTERS else f"{self.folder[: FOLDER_CHARACTERS - 1]}…"
        said = f'. The server says: "{self.said}"' if self.said else ""
        reason = Failed(self.reason)
        if not self.messages:
            return f"{name} {FOLDERS[reason]}{said}"
        messages = "1 message" if self.messages == 1 else f"{self.messages:,} messages"
        uids = ", ".join(map(str, self.uids)) + (", …" if self.messages > len(self.uids) else "")
        return f"{name}: {messages} {MESSAGES[reason]} (UID {uids}){said}"


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
