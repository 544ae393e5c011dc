"""`make bench`: measure the figures of docs/performance.md on this machine and print them; it writes no file.

usage: python -m bench [--messages 10000] [--large 100000] [--rounds 3] [--contacts 1500000]; `--large 0` skips the
large mailbox, and `--contacts 0` the permanent side.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench import extraction, permanent, watchers
from bench.commands import measure_commands
from bench.corpus import read_corpus
from bench.drain import drain
from bench.precision import measure_precision
from bench.recall import measure_recall
from bench.refining import PERSONS, refine_seconds
from bench.whole import Run, run_mining, scratch, serve

MIB = 1024 * 1024


def main() -> None:
    """Measure and print."""
    options = read_options()
    with scratch() as folder:
        rates, runs = measure_whole(folder, options.messages, options.rounds)
        print_whole(rates, runs)
    print(measure_commands(options.messages, options.rounds))
    print(extraction.measure(list(read_corpus())).report())
    pairs, found = measure_recall(read_corpus())
    print(f"address recall against the reference parser: {found / pairs:.6f} ({found:,} of {pairs:,} addresses)")
    print(measure_precision(list(read_corpus())).report())
    print(f"refining 15,000 persons, one process: {median(refine_seconds()):.2f} s")
    if options.contacts:
        print(permanent.report(options.contacts))
    print(watchers.measure().report())
    if options.large:
        with scratch() as folder:
            _, [large] = measure_whole(folder, options.large, 1)
        print_large(large, runs)


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure leadminer on this machine.")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--contacts", type=int, default=permanent.CONTACTS)
    return parser.parse_args()


def measure_whole(folder: Path, messages: int, rounds: int) -> tuple[list[float], list[Run]]:
    """Return the drain's messages per second and the mining of each round; the two take turns."""
    rates, runs = [], []
    with serve(messages, folder) as dovecot:
        for number in range(rounds):
            rates.append(drain(dovecot.port, messages))
            runs.append(run_mining(dovecot, folder, f"user{number}"))
    return rates, runs


def print_whole(rates: Sequence[float], runs: Sequence[Run]) -> None:
    """Print the end-to-end speed, its ratio to the drain, and each kind of process's share of the CPU time."""
    speeds = [run.rate for run in runs]
    middle = sorted(runs, key=lambda run: run.rate)[len(runs) // 2]
    print(
        f"end to end, {runs[0].messages:,} messages: {median(speeds):,.0f} messages/s "
        f"({', '.join(f'{speed:,.0f}' for speed in speeds)}); "
        f"drain {median(rates):,.0f} messages/s; ratio 1 : {median(rates) / median(speeds):.1f}"
    )
    total = sum(middle.usage.cpu_by_kind().values())
    for kind, seconds in sorted(middle.usage.cpu_by_kind().items(), key=lambda item: -item[1]):
        print(f"  {kind:12} {seconds:5.2f} s of CPU time, {seconds / total:4.0%}")
    began = {state: f"{seconds:.2f} s" for state, seconds in middle.states.items()}
    refined = (middle.states["finished"] - middle.states["refining"]) * PERSONS / sum(middle.contacts.values())
    print(f"  refining and teardown, scaled to {PERSONS:,} persons: {refined:.2f} s")
    print("  stages started at:", ", ".join(f"{state} {seconds}" for state, seconds in began.items()))


def print_large(large: Run, small: Sequence[Run]) -> None:
    """Print the memory that a large mailbox takes, and its time per message as a multiple of the small mailbox's."""
    peaks = large.usage.peak_by_kind()
    print(f"mailbox of {large.messages:,} messages: {large.rate:,.0f} messages/s; peak resident memory:")
    for kind in ("fetcher", "processor"):
        before = max(run.usage.peak_by_kind()[kind] for run in small)
        print(f"  {kind:12} {peaks[kind] / MIB:5.0f} MiB ({before / MIB:.0f} MiB at {small[0].messages:,} messages)")
    ratio = median([run.rate for run in small]) / large.rate
    print(f"  time per message, relative to {small[0].messages:,} messages: {ratio:.2f}")


def median(values: Sequence[float]) -> float:
    """Return the median."""
    return statistics.median(values)


if __name__ == "__main__":
    main()
