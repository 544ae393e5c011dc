"""`make bench-cloudflare`: the speed and cost of real messages in one Worker in workerd, from queue to contacts.

usage: python -m bench.cloudflare [--messages 6000] [--rounds 3]
"""

import argparse
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bench.mailbox import repeat_messages
from fetcher.mining.plan import choose_messages
from infra.bundle import bundle_worker
from infra.cost import PRICES_AS_OF, dollars
from infra.vendored import vendor
from infra.worker import BATCH_JOBS
from schemas.segments import MAX_BYTES, TEXT_CAP_BYTES
from tests.support.cloudflare.deployment import Deployment, bundle_metered
from tests.support.cloudflare.packages import fetch_pieces
from tests.support.servers import Postgres
from tests.support.stack import Folder

CHECKOUT = Path(__file__).resolve().parent.parent
CHUNKS = 16
POLL_SECONDS = 0.1
"""How often the bench polls for the end; each poll is work for the one isolate that is measured."""
MIB = 1024 * 1024
FETCHER_CLASS_A, FETCHER_CLASS_B = 2, 1
"""A fetcher's calls to R2 besides storing segments: it stores the plan, lists objects, and looks for a plan."""


@dataclass(frozen=True, slots=True)
class Run:
    """One mining: messages listed, seconds from the first queued job to the end, and the meters' counts."""

    messages: int
    segments: int
    seconds: float
    counts: Mapping[str, int]
    heap_bytes: int

    @property
    def operations(self) -> dict[str, float]:
        """Return the billed operations, including the fetcher's: its calls to R2 and the segment jobs that it sends.

        The CPU time is the wall-clock time of the whole run, which is more than the Worker computes.
        """
        counts = self.counts
        reads = counts.get("r2 get", 0) + counts.get("r2 head", 0)
        delivered = counts["queue messages delivered"]
        sent = counts.get("queue messages sent", 0) + self.segments
        return {
            "r2 class a": counts.get("r2 list", 0) + self.segments + FETCHER_CLASS_A,
            "r2 class b": reads + FETCHER_CLASS_B,
            "queue operations": sent + 2 * delivered,
            "d1 rows written": counts["d1 rows written"],
            "d1 rows read": counts["d1 rows read"],
            "worker requests": counts["queue batches"] + counts["http requests"],
            "worker cpu milliseconds": self.seconds * 1000,
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.cloudflare", description="Measure the Worker on workerd.")
    parser.add_argument("--messages", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    pieces, sdk = fetch_pieces(), vendor(CHECKOUT / "requirements" / "worker.lock")
    mailbox = islice(repeat_messages(options.messages), options.messages)
    folder = Folder(list(cut(mailbox, choose_messages(options.messages))))
    with Postgres() as postgres, Deployment(pieces, bundle_metered(sdk), postgres) as deployment:
        runs = [mine(deployment, f"user-{number}", folder) for number in range(options.rounds)]
        heap = mine(deployment, "largest", Folder([largest_segment()])).heap_bytes
    print_runs(runs)
    size = sum(module.size for module in bundle_worker(CHECKOUT, sdk).values())
    print(f"| Python heap in the Worker at the largest segment | {heap / MIB:.0f} MiB | 64 MiB | 48 MiB |")
    print(f"| bundle, uncompressed | {size / MIB:.2f} MiB | 2 MiB | 1 MiB |")


def cut(messages: Iterator[bytes], most: int) -> Iterator[list[bytes]]:
    """Yield segments as a fetcher cuts them in the scope `text`, of at most `most` messages each."""
    segment: list[bytes] = []
    total = 0
    for message in messages:
        text = message[:TEXT_CAP_BYTES]
        if segment and (len(segment) == most or total + len(text) > MAX_BYTES):
            yield segment
            segment, total = [], 0
        segment.append(text)
        total += len(text)
    if segment:
        yield segment


def largest_segment() -> list[bytes]:
    """Return the messages of a segment of the maximum size: real mail, each message at the text cap."""
    texts = b"".join(islice(repeat_messages(2_000), 2_000))
    size = TEXT_CAP_BYTES - 1024
    bodies = (texts[at : at + size] for at in range(0, len(texts) - size, size))
    head = b"Message-ID: <%d@example.org>\r\nFrom: Jane <jane@example.org>\r\nTo: me@example.org\r\n\r\n"
    return [head % number + body for number, body in enumerate(islice(bodies, MAX_BYTES // TEXT_CAP_BYTES))]


def mine(deployment: Deployment, user: str, folder: Folder) -> Run:
    """Mine a mailbox that is already stored, for a user without earlier minings."""
    deployment.reset_meters()
    begun = deployment.begin(user, chunks=CHUNKS)
    jobs = deployment.store(begun, folder)
    began = time.perf_counter()
    deployment.send(jobs)
    deployment.fetched(begun)
    deployment.finish(begun, seconds=600, idle_seconds=60, poll=POLL_SECONDS)
    seconds = time.perf_counter() - began
    meters = deployment.meters()
    report = deployment.report(begun)
    if not report["balanced"] or report["ledger"]["dead"]:
        raise RuntimeError(f"the mining failed: {report}")
    return Run(report["ledger"]["listed"], len(jobs), seconds, meters["counts"], meters["heap_bytes"])


def print_runs(runs: Sequence[Run]) -> None:
    """Print the table of speed and cost, with the targets `reach` and `aim`."""
    run = runs[-1]
    messages = run.messages
    speed = statistics.median(each.messages / each.seconds for each in runs)
    operations = run.operations
    stores = sum(operations[name] for name in ("r2 class a", "r2 class b", "queue operations"))
    stores += run.counts["r2 delete"]  # these are free
    million = {name: count * 1_000_000 / messages for name, count in operations.items()}
    print(f"{messages:,} real messages, {run.segments} segments, batches of {BATCH_JOBS} jobs, {len(runs)} runs")
    print("| | measured | reach | aim |\n| --- | --- | --- | --- |")
    print(f"| messages per second, queue to refined | {speed:,.0f} | 1,500 | 2,500 |")
    written = operations["d1 rows written"] / messages
    print(f"| D1 rows written per message, teardown included | {written:.2f} | 1.5 | 1.2 |")
    print(f"| R2 and queue operations per 1,000 messages | {stores * 1000 / messages:.1f} | 30 | 15 |")
    print(f"| dollars per million messages (prices of {PRICES_AS_OF}) | {dollars(million):.2f} | 2.0 | 1.4 |")
    for name, count in million.items():
        print(f"|   {name} per million messages | {count:,.0f}: ${dollars({name: count}):.3f} | | |")


if __name__ == "__main__":
    main()
