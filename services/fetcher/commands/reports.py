"""The account of a mining, as lines that a person reads: both lines of the ledger, verdicts, what was removed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fetcher.commands.terminal import Column, Terminal, number
from fetcher.ports import ENDED
from schemas.ledger import Ledger

VERDICTS = {
    "contact": "became contacts",
    "disposable": "are disposable",
    "unreachable": "have nobody who reads them",
    "automated": "send machine-made mail only",
}
MINING_COLUMNS = (
    Column("Mining"),
    Column("Source", wraps=True),
    Column("State"),
    Column("Begun (UTC)"),
    Column("Listed", number=True),
    Column("Processed", number=True),
    Column("Duplicate", number=True, spare=True),
    Column("Dead", number=True),
    Column("Refined", number=True, spare=True),
)


def show_report(terminal: Terminal, report: Mapping[str, Any]) -> None:
    """Write a report of the processor's API, which may be of a mining that is still under way."""
    ledger = Ledger.from_json(report["ledger"] or {})
    ended = report["state"] in ENDED
    terminal.show(f"Mining {report['id']} is {_state(report['state'])}.", "bold")
    for line, sound in ledger_lines(ledger, ended=ended):
        terminal.show(line, "" if sound or not ended else "bold red")
    for line in (*remarks(ledger), *verdicts(ledger), *removed(report.get("receipt") or {})):
        terminal.show(line)


def is_sound(ledger: Ledger) -> bool:
    """Say whether the ledger balances, and nothing in it failed or was given up."""
    return not (ledger.imbalance() or ledger.failed or ledger.dead or ledger.folders_failed)


def ledger_lines(ledger: Ledger, *, ended: bool) -> Iterator[tuple[str, bool]]:
    """Yield both lines of the ledger, and whether each balances, which only that of an ended mining has to."""
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
    """Yield what the two lines do not say: messages read in part or not understood, folders that failed."""
    if ledger.unparsable:
        yield f"  of those processed, {number(ledger.unparsable)} could not be parsed"
    if ledger.cut:
        yield f"  of those fetched, {number(ledger.cut)} were read in part: they are longer than the scope reads"
    for digest, reason in sorted(ledger.folders_failed.items()):
        yield f"  folder {digest} failed: {reason}"


def verdicts(ledger: Ledger) -> Iterator[str]:
    """Yield how many addresses became contacts, and why the others did not."""
    if ledger.contacts:
        yield f"  {number(sum(ledger.contacts.values()))} addresses, of which"
    for verdict in sorted(ledger.contacts, key=lambda name: (name != "contact", name)):
        yield f"    {number(ledger.contacts[verdict])} {VERDICTS.get(verdict, verdict)}"


def removed(receipt: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a teardown or an erasure says that it removed: counts, and the hash of the keys."""
    if receipt:
        yield "  removed:"
    for name, value in sorted(_flat(receipt), key=lambda pair: isinstance(pair[1], str)):
        yield f"    {name}: {number(value) if isinstance(value, int) else value}"


def mining_row(status: Mapping[str, Any], *, short: bool) -> tuple[object, ...]:
    """Return a mining's cells under MINING_COLUMNS; a terminal's table shows the id's first eight digits alone."""
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
    return {"teardown": "being torn down", "open": "under way"}.get(state, state)


def _total(value: int | dict[str, int]) -> int:
    return value if isinstance(value, int) else sum(value.values())


def _column(value: int | dict[str, int]) -> str:
    if isinstance(value, int) or not value:
        return number(_total(value))
    reasons = ", ".join(f"{reason} {number(count)}" for reason, count in sorted(value.items()))
    return f"{number(_total(value))} ({reasons})"
