"""What a mail server did not give, as lines for a person."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fetcher.commands.terminal import number
from schemas.ledger import Failed

if TYPE_CHECKING:
    from fetcher.mining.failures import Failure

SHOWN = 20
FOLDER_CHARACTERS = 80
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


def failure_lines(failures: Sequence["Failure"]) -> Iterator[str]:
    """Yield one line per folder and reason, with the server's own words; none if nothing failed."""
    if failures:
        yield "The mail server did not give everything:"
    for failure in failures[:SHOWN]:
        yield f"  {_line(failure)}"
    if len(failures) > SHOWN:
        yield f"  and {number(len(failures) - SHOWN)} more"


def _line(failure: "Failure") -> str:
    if not failure.folder:
        return f"A line of its list of folders cannot be read: {failure.said}"
    name = failure.folder if len(failure.folder) <= FOLDER_CHARACTERS else f"{failure.folder[: FOLDER_CHARACTERS - 1]}…"
    said = f'. The server says: "{failure.said}"' if failure.said else ""
    reason = Failed(failure.reason)
    if not failure.messages:
        return f"{name} {FOLDERS[reason]}{said}"
    messages = "1 message" if failure.messages == 1 else f"{number(failure.messages)} messages"
    uids = ", ".join(map(str, failure.uids)) + (", …" if failure.messages > len(failure.uids) else "")
    return f"{name}: {messages} {MESSAGES[reason]} (UID {uids}){said}"
