"""Extraction alone, on one core: messages a second, as a multiple of the standard library's way.

Both ways read the same messages, headers and text, in turns within one run, since machines differ and are shared; the
best turn of each counts. `python -m bench.extraction [FOLDER]` reads a folder of .eml files, else the corpus.
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
"""2100: no message of a corpus is undated for being of the future."""


class Rates(NamedTuple):
    """Messages a second of each way; `stdlib_unsearched` decodes the texts, but does not look for addresses in them."""

    ours: float
    stdlib: float
    stdlib_unsearched: float
    messages: int
    given_up: int
    """Messages that the standard library's way raises on."""

    def report(self) -> str:
        """Return the figures as a line each."""
        rows = (
            ("leadminer", self.ours),
            ("the standard library's way", self.stdlib),
            ("the same, texts decoded but not searched", self.stdlib_unsearched),
        )
        return "\n".join(
            (
                f"extraction, headers and text, one core, {self.messages} messages:",
                *(f"  {name:42}{rate:8,.0f} messages/s   x {self.ours / rate:.2f}" for name, rate in rows),
                f"  ({self.given_up} messages make the standard library's way raise; ours never does)",
            )
        )


def measure(messages: Sequence[bytes], turns: int = TURNS) -> Rates:
    """Read the messages each way in turns; return the best rates."""
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
    """Print the rates for the folder that the command line names, or for the corpus."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    files = sorted(folder.rglob("*.eml")) if folder else ()
    print(measure([file.read_bytes() for file in files] if folder else list(read_corpus())).report())


if __name__ == "__main__":
    main()
