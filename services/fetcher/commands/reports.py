"""The report of a mining as lines for a person: both lines of the ledger, the verdicts, and what was removed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fetcher.commands.terminal import Column, Terminal, number
from fetcher.ports import ENDED
from schemas.ledger import Ledger

VERDICTS = {
    "contact": "became contacts",
    "disposable": "are disposable addresses",
    "unreachable": "look unattended (no-reply, bounces, alerts)",
    "automated": "send only automated mail",
}
MINING_COLUMNS = (
    Column("Mining"),
    Column("Source", whole=True),
    Column("State"),
    Column("Started (UTC)"),
    Column("Listed", number=True, spare=True),
    Column("Processed", number=True),
    Column("Duplicate", number=True, spare=True),
    Column("Dead", number=True, spare=True),
    Column("Refined", number=True, spare=True),
)


def show_report(terminal: Terminal, report: Mapping[str, Any]) -> None:
    """Print a report from the processor's API; the mining may still be running."""
    ledger = Ledger.from_json(report["ledger"] or {})
    ended = report["state"] in ENDED
    unread = ended and ledger.incomplete
    state = "has ended, but the mail server did not give everything" if unread else f"is {_state(report['state'])}"
    terminal.show(f"Mining {report['id']} {state}.", "bold")
    for line, sound in ledger_lines(ledger, ended=ended):
        terminal.show(line, "" if sound or not ended else "bold red")
    for line in (*remarks(ledger), *verdicts(ledger), *removed(report.get("receipt") or {})):
        terminal.show(line)


def is_sound(ledger: Ledger) -> bool:
    """Return whether the ledger balances and nothing in it failed or is dead."""
    return not (ledger.imbalance() or ledger.failed or ledger.dead or ledger.folders_failed)


def ledger_lines(ledger: Ledger, *, ended: bool) -> Iterator[tuple[str, bool]]:
    """Yield both lines of the ledger and whether each balances; it has to only once the mining has ended."""
    lines: Sequence[tuple[str, int, dict[str, int | dict[str, int]]]] = (
        ("listed", ledger.listed, {"fetched": ledger.fetched, "skipped": ledger.skipped, "failed": ledger.failed}),
        (
            "fetched",
            ledger.fetched,
            {"processed": ledger.processed, "duplicate": ledger.duplicate, "dead": ledger.dead},
        ),
    )
    for name, total, columns in lines:
        summed = sum(_total(value) for value in columns.values())
        shown = " + ".join(f"{column} {_column(value)}" for column, value in columns.items())
        verdict = "so far"
        if ended:
            verdict = "balances" if summed == total else f"does NOT balance: the columns add up to {number(summed)}"
        known = None if summed > total == 0 and not ended else total
        yield f"  {name:<8}{number(known)} = {shown}: {verdict}", summed == total


def remarks(ledger: Ledger) -> Iterator[str]:
    """Yield what the two lines do not show: what was not parsed, read in part or not understood, and failed folders."""
    if ledger.unparsable:
        yield f"  {number(ledger.unparsable)} of the processed messages could not be parsed"
    if ledger.cut:
        yield f"  {number(ledger.cut)} of the fetched messages were read only in part: they exceed the scope's limit"
    if ledger.unread_fields:
        yield f"  {number(ledger.unread_fields)} address fields (From, To …) hold text but no readable address"
    for digest, reason in sorted(ledger.folders_failed.items()):
        yield f"  folder {digest} failed: {reason}"


def verdicts(ledger: Ledger) -> Iterator[str]:
    """Yield how many addresses became contacts, and why the others did not."""
    if ledger.contacts:
        yield f"  {number(sum(ledger.contacts.values()))} addresses, of which:"
    for verdict in sorted(ledger.contacts, key=lambda name: (name != "contact", name)):
        yield f"    {number(ledger.contacts[verdict])} {VERDICTS.get(verdict, verdict)}"


def removed(receipt: Mapping[str, Any]) -> Iterator[str]:
    """Yield what the receipt of a teardown or an erasure says was removed: counts, and the hash of the keys."""
    if receipt:
        yield "  removed:"
    for name, value in sorted(_flat(receipt), key=lambda pair: isinstance(pair[1], str)):
        yield f"    {name}: {number(value) if isinstance(value, int) else value}"


def mining_row(status: Mapping[str, Any], *, short: bool) -> tuple[object, ...]:
    """Return a mining's cells for MINING_COLUMNS; with `short`, only the first eight digits of the id."""
    messages, chunks = status.get("messages") or {}, status.get("chunks")
    return (
        status["id"][:8] if short else status["id"],
        status.get("source_name") or "",
        "cancelled" if status.get("cancelled") and status["state"] in ENDED else _state(status["state"]),
        str(status.get("begun_at") or "")[:16].replace("T", " "),
        status.get("listed"),
        messages.get("processed"),
        messages.get("duplicate"),
        messages.get("dead"),
        f"{status.get('chunks_refined') or 0}/{chunks}" if chunks else "",
    )


def _flat(fields: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in fields.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}".replace("_", " "), value


def _state(state: str) -> str:
    return {"teardown": "cleaning up", "failing": "cleaning up", "open": "in progress"}.get(state, state)


def _total(value: int | dict[str, int]) -> int:
    return value if isinstance(value, int) else sum(value.values())


def _column(value: int | dict[str, int]) -> str:
    if isinstance(value, int) or not value:
        return number(_total(value))
    reasons = ", ".join(f"{reason} {number(count)}" for reason, count in sorted(value.items()))
    return f"{number(_total(value))} ({reasons})"
