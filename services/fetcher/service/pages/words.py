"""A mining in words: its stages, what it found, what is left, and its account."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from fetcher.mining.failures import Failure
from fetcher.service.pages.rendering import number, plural
from schemas.ledger import Ledger

STEPS = ("connecting", "planning", "fetching", "processing", "refining", "teardown")
LABELS = {
    "queued": "Waiting for its turn",
    "connecting": "Connecting to your mailbox",
    "planning": "Listing your messages",
    "fetching": "Reading your messages",
    "processing": "Finding people in your messages",
    "refining": "Putting your contacts together",
    "teardown": "Deleting the copies of your mail",
}
ENDED = {
    "finished": "Finished",
    "failed": "Failed",
    "erased": "Erased",
    "cancelled": "Cancelled",
    "refused": "Not started",
}
TITLES = {"left": "Interrupted", "queued": LABELS["queued"]}
VERDICTS = {
    "unreachable": "look unattended, such as no-reply addresses",
    "automated": "send only automated mail",
    "disposable": "are disposable addresses",
}
REASONS = {
    "vanished": "deleted while reading",
    "cancelled": "not read, because the mining was stopped",
    "silent": "not read, because the mining was interrupted for a day",
    "uidvalidity": "in a folder that was recreated while reading",
    "refused": "refused by the mail server",
    "missing": "in a folder that does not exist",
    "unlisted": "counted by the mail server, but not listed",
    "unavailable": "not available at the moment; the next mining reads them",
    "unreadable": "could not be processed",
    "limit": "too large to process",
    "crashes": "could not be processed",
    "error": "could not be processed",
}
DELETED = {"contacts": "Contacts", "minings": "Minings", "objects": "Copies of your mail"}
PROMISE = (
    "You can close this page: the mining goes on. Your contacts appear when all messages are read and put together, "
    "because only then each person is known with everything about them."
)
FAILED = "This mining could not be completed. The next mining of the mailbox reads its messages again."
ERASED = "All data of this mining has been erased."
LEFT = "Nothing is lost, but reading goes on only when you connect the mailbox again, with its password."
Fields = Mapping[str, Any]
PROCESSED = frozenset({"finished", "erased"})


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of a mining: done, now or later, and how far it is."""

    label: str
    state: str
    words: str = ""
    count: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Sum:
    """A line of the ledger: so many messages, and the parts that add up to them, each with a label."""

    label: str
    total: int
    parts: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class MiningView:
    """What the pages show of a mining."""

    id: str
    source: str
    begun: str | None
    run: str
    title: str
    remark: str
    again: bool
    steps: tuple[Step, ...]
    facts: tuple[tuple[str, int], ...]
    contacts: int
    result: str
    found: str
    ledger: tuple[Sum, ...]
    balance: tuple[str, ...]
    receipt: tuple[tuple[str, int | str], ...]
    failures: tuple[str, ...]
    promise: str = PROMISE

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it."""
        return self.run == "ended"

    @property
    def remark_kind(self) -> str:
        """Return how serious the remark is."""
        return "care" if self.again or self.title in (ENDED["refused"], ENDED["failed"]) else ""

    @property
    def state(self) -> str:
        """Return its state in a word or two, for a list."""
        return self.title if self.ended or self.again else "In line" if self.run == "queued" else "In progress"


def view_of(fields: Fields) -> MiningView:
    """Return a mining, as the service's status has it, in words."""
    run, state = fields["run"], fields["state"]
    ledger = Ledger.from_json(fields.get("ledger") or {})
    left_over, finished = run == "left", run == "ended" and state == "finished"
    title = (run == "ended" and ENDED.get(state)) or TITLES.get(run) or LABELS.get(_stage(fields), "In progress")
    if finished and fields.get("cancelled"):
        title = "Stopped"
    contacts = ledger.contacts.get("contact", 0)
    return MiningView(
        id=fields["id"],
        source=fields.get("source_name") or "",
        begun=fields.get("begun_at"),
        run=run,
        title=title,
        remark=_remark(fields),
        again=left_over,
        steps=() if run == "ended" else tuple(_steps(fields)),
        facts=tuple(_facts(ledger)) if finished else (),
        contacts=contacts,
        result=_result(ledger) if finished else "",
        found=_found(fields, ledger),
        ledger=account(ledger) if ledger.listed else (),
        balance=_balance(ledger) if run == "ended" and ledger.listed else (),
        receipt=tuple(receipt_of(fields.get("receipt") or {})),
        failures=tuple(Failure(**failure).told() for failure in fields.get("failures", ())),
    )


def time_left(seconds: float) -> str:
    """Return how long something still takes, no more exactly than it can be known."""
    if seconds < 50:
        return "less than a minute left"
    if seconds < 5400:
        return f"about {plural(ceil(seconds / 60), 'minute')} left"
    return f"about {plural(round(seconds / 3600), 'hour')} left"


def account(ledger: Ledger) -> tuple[Sum, Sum]:
    """Return the two lines of a ledger: what became of the messages on the server, and of those that were read."""
    missed = [*_reasons(ledger.skipped), *_reasons(ledger.failed)]
    done = [("Counted", ledger.processed), ("Copies, or counted before", ledger.duplicate), *_reasons(ledger.dead)]
    return (
        Sum("On the mail server", ledger.listed, (("Read", ledger.fetched), *missed)),
        Sum("Read", ledger.fetched, tuple(done)),
    )


def _reasons(counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    for reason, count in sorted(counts.items()):
        yield REASONS.get(reason, reason).capitalize(), count


def receipt_of(receipt: Fields) -> Iterator[tuple[str, int | str]]:
    """Yield what a receipt says was deleted, each with a label, the hash last."""
    yield from ((label, receipt[name]) for name, label in DELETED.items() if name in receipt)
    counts = [count for name, count in receipt.items() if name not in DELETED and isinstance(count, int)]
    if counts:
        yield "Temporary records", sum(counts)
    if "keys" in receipt:
        yield "Hash of what was deleted", receipt["keys"]


def _stage(fields: Fields) -> str:
    """Return the present stage. The service is done with a mining only a moment after the processor is."""
    progress = fields.get("progress")
    state = str(progress["state"] if progress else fields["state"])
    return "teardown" if state in PROCESSED else state


def _steps(fields: Fields) -> Iterator[Step]:
    stage = _stage(fields)
    at = STEPS.index(stage) if stage in STEPS and fields["run"] != "queued" else -1
    counts = _counts(fields)
    for place, name in enumerate(STEPS):
        count, total = counts.get(name, (0, 0))
        if place < at:
            done = f"{plural(total, 'message')}" if name in ("fetching", "processing") and total else ""
            yield Step(LABELS[name], "done", done)
        elif place == at:
            yield Step(LABELS[name], "now", _pace(name, count, total, fields), min(count, total), total)
        else:
            yield Step(LABELS[name], "later")


def _counts(fields: Fields) -> dict[str, tuple[int, int]]:
    """Return the count and the total of each stage that has them."""
    progress = fields.get("progress") or {}
    listed = progress.get("listed") or fields.get("listed") or 0
    messages = fields.get("messages") or {}
    settled = sum(messages.get(name, 0) for name in ("processed", "duplicate", "dead"))
    if progress:
        settled = sum(progress.get(name, 0) for name in ("processed", "duplicate", "dead"))
    left_out = progress.get("left_out", 0)
    refined, chunks = (progress or fields).get("chunks_refined", 0), (progress or fields).get("chunks", 0)
    return {
        "fetching": (progress.get("fetched", 0) + left_out, listed),
        "processing": (settled, max(listed - left_out, settled)),
        "refining": (refined, chunks),
    }


def _pace(name: str, count: int, total: int, fields: Fields) -> str:
    if not total:
        return ""
    share = f"{number(count)} of {plural(total, 'message')}"
    if name == "refining":
        share = f"{100 * count // total} percent"
    left = fields.get("seconds_left")
    return share if left is None else f"{share}, {time_left(left)}"


def _remark(fields: Fields) -> str:
    if fields["state"] == "erased":
        return ERASED
    if fields["state"] == "failed":
        return FAILED
    trouble = fields.get("trouble")
    if fields["run"] == "left":
        return f"{trouble['error']} {LEFT}" if trouble else LEFT
    if trouble:
        return str(trouble["error"])
    if fields["run"] == "queued":
        place = fields.get("place")
        return f"Other minings are running. This one is number {place} in line." if place else ""
    if fields.get("cancelled") and fields["run"] != "ended":
        return "Reading has stopped. What was found is being put together."
    return ""


def _facts(ledger: Ledger) -> Iterator[tuple[str, int]]:
    yield "Contacts found", ledger.contacts.get("contact", 0)
    yield "Messages read", ledger.fetched
    yield "Addresses left out", sum(ledger.contacts.values()) - ledger.contacts.get("contact", 0)


def _result(ledger: Ledger) -> str:
    if not ledger.processed:
        return "There was no new mail to read, so your contacts are as they were."
    left_out = [
        f"{number(count)} {VERDICTS.get(verdict, verdict)}"
        for verdict, count in sorted(ledger.contacts.items())
        if verdict != "contact" and count
    ]
    first = f"{plural(ledger.contacts.get('contact', 0), 'contact')} in {plural(ledger.fetched, 'message')}."
    return f"{first} Of the addresses left out, {' and '.join(left_out)}." if left_out else first


def _found(fields: Fields, ledger: Ledger) -> str:
    if fields["state"] == "finished":
        return plural(ledger.contacts.get("contact", 0), "contact") if ledger.processed else "Nothing new"
    return "" if fields["state"] == "erased" else f"{plural(_counts(fields)['processing'][0], 'message')} so far"


def _balance(ledger: Ledger) -> tuple[str, ...]:
    wrong = ledger.imbalance()
    return tuple(wrong) or ("Every message is accounted for.",)
