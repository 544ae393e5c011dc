"""Extraction alone, on one core: messages per second, compared with the standard library's parsers.

Both read headers and text of the same messages and take turns within one run, since machines differ and are shared.
The best turn of each counts. `python -m bench.extraction [FOLDER]` reads a folder of .eml files, by default the corpus.
"""

import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from bench import stdlib_way
from bench.corpus import read_corpus
from processor.domain.mail.message import read_message

TURNS: Final = 5
LATEST: Final = 4_102_444_800
"""The year 2100, so that no date in the corpus counts as a future date."""


class Rates(NamedTuple):
    """Messages per second of each parser; `stdlib_unsearched` decodes texts but does not search them for addresses."""

    ours: float
    stdlib: float
    stdlib_unsearched: float
    messages: int
    given_up: int
    """How many messages make the standard library raise."""

    def report(self) -> str:
        """Return the figures as text, one per line."""
        rows = (
            ("leadminer", self.ours),
            ("standard library", self.stdlib),
            ("standard library, texts not searched", self.stdlib_unsearched),
        )
        return "\n".join(
            (
                f"extraction, headers and text, one core, {self.messages:,} messages:",
                *(f"  {name:42}{rate:8,.0f} messages/s   x {self.ours / rate:.2f}" for name, rate in rows),
                f"  (the standard library raises on {self.given_up} messages; leadminer never raises)",
            )
        )


def measure(messages: Sequence[bytes], turns: int = TURNS) -> Rates:
    """Read the messages with each parser in turn; return the best rates."""
    ways: tuple[Callable[[bytes], object], ...] = (_ours, _stdlib, _stdlib_unsearched)
    best = [float("inf")] * len(ways)
    for _ in range(turns):
        for number, way in enumerate(ways):
            best[number] = min(best[number], _time(way, messages))
    given_up = sum(_stdlib(message) is None for message in messages)
    ours, stdlib, unsearched = (len(messages) / seconds for seconds in best)
    return Rates(ours, stdlib, unsearched, len(messages), given_up)


def _time(way: Callable[[bytes], object], messages: Sequence[bytes]) -> float:
    gc.collect()
    begun = time.process_time()
    for message in messages:
        way(message)
    return time.process_time() - begun


def _ours(raw: bytes) -> object:
    return read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)


def _stdlib(raw: bytes) -> object:
    try:
        return stdlib_way.read_message(raw)
    except Exception:
        return None


def _stdlib_unsearched(raw: bytes) -> object:
    try:
        return stdlib_way.read_message(raw, search_text=False)
    except Exception:
        return None


def main() -> None:
    """Print the rates for the folder named on the command line, or for the corpus."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    files = sorted(folder.rglob("*.eml")) if folder else ()
    print(measure([file.read_bytes() for file in files] if folder else list(read_corpus())).report())


if __name__ == "__main__":
    main()
