"""What a person wants to know first: how many contacts there are, from how many messages, and what still waits."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from fetcher.commands.reports import is_sound
from fetcher.commands.terminal import number
from fetcher.ports import ENDED
from schemas.ledger import Ledger

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack
    from fetcher.mining.outcome import MiningRequest, Outcome

LEFT_OUT = {"unreachable": "unattended", "automated": "automated", "disposable": "disposable"}


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user has after a mining: contacts in all, and when the mailbox was mined before, in UTC."""

    contacts: int
    since: str | None = None


def read_standing(stack: "Stack", request: "MiningRequest", outcome: "Outcome") -> Standing | None:
    """Ask the processor for a user's standing after a mining; None unless it has finished."""
    if outcome.state != "finished":
        return None
    earlier = [
        str(mining["begun_at"])
        for mining in stack.processor.minings(request.user)
        if mining["id"] != outcome.mining
        and mining["state"] == "finished"
        and mining["source_name"] == request.source.address
    ]
    return Standing(stack.processor.total(request.user), max(earlier, default=None))


def summarize(ledger: Ledger, standing: Standing) -> str:
    """Return the result of a finished mining in a sentence or two."""
    found, total = ledger.contacts.get("contact", 0), plural(standing.contacts, "contact")
    if not ledger.processed:
        since = f" since {_local(standing.since)}" if standing.since else ""
        return f"{'Nothing new' if is_sound(ledger) else 'No new message could be read'}{since}; {total}."
    messages = plural(ledger.processed + ledger.duplicate, "message" if standing.since is None else "new message")
    first = f"{plural(found, 'contact')} from {messages}{_left_out(ledger)}."
    return first if found == standing.contacts else f"{first} You have {total} in all."


def unfinished(minings: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a sentence for each mining that has not ended, and then how to go on."""
    waiting = [mining for mining in minings if mining["state"] not in ENDED]
    for mining in waiting:
        done = sum((mining.get("messages") or {}).values())
        of = "" if mining.get("listed") is None else f" of {number(mining['listed'])}"
        yield f"The mining of {mining.get('source_name')} is not finished: {number(done)}{of} messages are processed."
    if waiting:
        yield "To continue, run the same leadminer mine command again. To keep what was found, run leadminer cancel."


def plural(count: int, noun: str) -> str:
    """Return a count with its noun."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{number(count)} {noun}{ending}"


def _left_out(ledger: Ledger) -> str:
    counts = {verdict: count for verdict, count in ledger.contacts.items() if verdict != "contact" and count}
    if not counts:
        return ""
    reasons = ", ".join(
        f"{number(count)} {LEFT_OUT.get(verdict, verdict)}"
        for verdict, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    )
    return f" ({plural(sum(counts.values()), 'address')} left out: {reasons})"


def _local(moment: str) -> str:
    """Return a UTC time of the API as local time, to the minute."""
    return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
