"""What the processes of a run used: CPU time and peak resident memory by kind of process."""

import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

SAMPLE_SECONDS = 0.05
KINDS = {
    "fetcher": ("bench.fetch",),
    "processor": ("-m processor",),
    "postgresql": ("postgres",),
    "valkey": ("valkey", "redis-server"),
    "dovecot": ("dovecot",),
}


class Usage:
    """Samples of some processes and all their descendants."""

    def __init__(self) -> None:
        self.kinds: dict[int, str] = {}
        self.cpu_seconds: dict[int, float] = {}
        self.peak_bytes: dict[int, int] = defaultdict(int)

    def sample(self, roots: list[int]) -> None:
        """Sample the root processes and their descendants once."""
        for root in roots:
            try:
                processes = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for process in processes:
                self._look_at(process)

    def _look_at(self, process: psutil.Process) -> None:
        try:
            kind = kind_of(process)
            times, memory = process.cpu_times(), process.memory_info().rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return
        self.kinds[process.pid] = kind  # the latest wins: between fork and exec, a process looks like its parent
        self.cpu_seconds[process.pid] = times.user + times.system
        self.peak_bytes[process.pid] = max(self.peak_bytes[process.pid], memory)

    def cpu_by_kind(self) -> dict[str, float]:
        """Return CPU seconds by kind of process."""
        out: dict[str, float] = defaultdict(float)
        for pid, seconds in self.cpu_seconds.items():
            out[self.kinds[pid]] += seconds
        return dict(out)

    def peak_by_kind(self) -> dict[str, int]:
        """Return, for each kind, the highest resident memory of any one process, in bytes."""
        out: dict[str, int] = {}
        for pid, peak in self.peak_bytes.items():
            out[self.kinds[pid]] = max(out.get(self.kinds[pid], 0), peak)
        return out


def kind_of(process: psutil.Process) -> str:
    """Return a process's kind, judged by its command line."""
    command = " ".join(process.cmdline())
    return next((kind for kind, marks in KINDS.items() if any(mark in command for mark in marks)), "other")


@contextmanager
def watch(roots: list[int]) -> Iterator[Usage]:
    """Sample in the background; the caller may append more roots to the list meanwhile."""
    usage, done = Usage(), threading.Event()

    def look() -> None:
        while not done.wait(SAMPLE_SECONDS):
            usage.sample(list(roots))

    usage.sample(list(roots))
    before = dict(usage.cpu_seconds)
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield usage
    finally:
        usage.sample(list(roots))
        done.set()
        thread.join()
        for pid, seconds in before.items():
            usage.cpu_seconds[pid] -= seconds
