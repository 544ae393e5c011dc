"""Precision: how many of the addresses that the extraction gives other readers give too, and why it gives the rest.

An address counts as confirmed if two of three independent readers give it. `unconfirmed.tsv` lists all others on the
corpus, each with its reason. `python -m bench.precision` prints those without one, `--write` updates the list: new
entries get the reason `?`, for you to replace, and entries that no longer occur are dropped.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench.corpus import read_corpus
from bench.postal import PostalUnavailable, read_all
from bench.readers import read_by_compat32, read_by_default_policy, read_by_postal_mime
from bench.recall import LATEST
from processor.domain.mail.message import read_message

LIST: Final = Path(__file__).with_name("unconfirmed.tsv")
NO_REASON: Final = "?"
WRONG: Final = "wrong"
CONFIRMING: Final = 2

Given = tuple[int, str]
"""A message's number in the corpus, and an address in it."""


class Precision(NamedTuple):
    """How many addresses the extraction gives, those that are not confirmed, and what kept a reader from reading."""

    given: int
    unconfirmed: list[Given]
    without: str = ""

    @property
    def rate(self) -> float:
        """Return the part of the addresses that is confirmed."""
        return 1 - len(self.unconfirmed) / self.given if self.given else 1.0

    def report(self) -> str:
        """Return the figures as text, then each address whose reason is not known."""
        readers = "at least one of two" if self.without else "two of three"
        confirmed = self.given - len(self.unconfirmed)
        rows = [
            f"address precision: {self.rate:.6f} ({confirmed:,} of {self.given:,} addresses are confirmed by {readers} "
            "independent readers)"
        ]
        if self.without:
            rows.append(f"  (postal-mime, the third reader, is missing: {self.without})")
        wrong = sum(read_reasons().get(each, "").startswith(WRONG) for each in self.unconfirmed)
        rows.append(
            f"  (of the other {len(self.unconfirmed)}, {wrong} are known to be wrong; {LIST.name} has the reasons)"
        )
        rows += [f"  no reason for {address} in message {number}" for number, address in without_reason(self)]
        return "\n".join(rows)


def measure_precision(messages: Sequence[bytes]) -> Precision:
    """Read the messages with all readers. Without postal-mime, one of the other two confirms an address."""
    try:
        readings, missing = read_all(messages), ""
    except PostalUnavailable as error:
        return measure_with_two(enumerate(messages), str(error))
    third = [read_by_postal_mime(reading) for reading in readings]
    given, unconfirmed = 0, []
    for number, raw in enumerate(messages):
        readers = (read_by_default_policy(raw), read_by_compat32(raw), third[number])
        ours = give(raw)
        given += len(ours)
        unconfirmed += [(number, each) for each in ours if sum(each in seen for seen in readers) < CONFIRMING]
    return Precision(given, unconfirmed, missing)


def measure_with_two(messages: Iterable[tuple[int, bytes]], why: str) -> Precision:
    """Read numbered messages without postal-mime. What neither of two readers gives, at most one of three gives."""
    given, unconfirmed = 0, []
    for number, raw in messages:
        ours = give(raw)
        given += len(ours)
        seen = read_by_default_policy(raw) | read_by_compat32(raw)
        unconfirmed += [(number, each) for each in ours if each not in seen]
    return Precision(given, unconfirmed, why)


def give(raw: bytes) -> list[str]:
    """Return the addresses that the extraction gives for a message."""
    message = read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)
    return [point.address for point in message.points]


def read_reasons() -> Mapping[Given, str]:
    """Return the reason for each address on the list."""
    return {(int(number), address): reason for number, address, reason in _rows()}


def _rows() -> Iterator[list[str]]:
    for line in LIST.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")


def without_reason(precision: Precision) -> list[Given]:
    """Return the addresses that are not confirmed and have no reason."""
    reasons = read_reasons()
    return [each for each in precision.unconfirmed if reasons.get(each, NO_REASON) == NO_REASON]


def write_reasons(precision: Precision) -> None:
    """Write the list for these addresses, with the reasons known so far."""
    reasons = read_reasons()
    head = [line for line in LIST.read_text("utf-8").splitlines() if line.startswith("#")]
    rows = [f"{given[0]}\t{given[1]}\t{reasons.get(given, NO_REASON)}" for given in sorted(precision.unconfirmed)]
    LIST.write_text("\n".join((*head, *rows, "")), "utf-8")


def main() -> None:
    """Print the precision on the corpus; write the list if the command line says `--write`."""
    precision = measure_precision(list(read_corpus()))
    if "--write" in sys.argv[1:]:
        if precision.without:
            sys.exit(f"The list needs all three readers. {precision.without}")
        write_reasons(precision)
    print(precision.report())


if __name__ == "__main__":
    main()
