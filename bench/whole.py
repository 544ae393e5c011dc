"""End to end, from IMAP to refined contacts: Dovecot, fetcher, embedded PostgreSQL and Valkey, processors."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from bench.drain import drain
from bench.mailbox import LOGIN, PASSWORD, fill_mailbox
from bench.processes import Usage, watch
from fetcher.embedded.start import start
from schemas.ledger import Ledger
from tests.support.dovecot import Dovecot

CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass
class Run:
    """What one mining took."""

    messages: int
    seconds: float
    usage: Usage
    contacts: dict[str, int] = field(default_factory=dict)
    states: dict[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Return messages per second."""
        return self.messages / self.seconds


@contextmanager
def serve(count: int, folder: Path, messages: Iterable[bytes] | None = None) -> Iterator[Dovecot]:
    """Yield a Dovecot with `count` messages, by default the corpus's, all read once to warm its caches."""
    with Dovecot() as dovecot:
        size = fill_mailbox(dovecot, count, messages)
        sys.stderr.write(f"{count:,} messages, {size / 1e6:,.0f} MB\n")
        (folder / "password").write_text(PASSWORD)
        drain(dovecot.port, count)
        yield dovecot


def is_child(pid: int) -> bool:
    """Return whether this process is the parent of another."""
    try:
        return psutil.Process(pid).ppid() == os.getpid()
    except psutil.NoSuchProcess:
        return False


def run_mining(dovecot: Dovecot, folder: Path, user: str, *, processors: int | None = None) -> Run:
    """Mine the mailbox for a user without earlier minings, and check its ledger."""
    home = folder / "home"
    with start(home, processors=processors):
        roots = [pid for pid in psutil.pids() if belongs(pid, home)] + [
            pid for pid in psutil.pids() if is_child(pid) and "dovecot" in psutil.Process(pid).name()
        ]
        with watch(roots) as usage:
            said = mine_once(dovecot, folder, home, user, roots)
    ledger = Ledger.from_json(said["ledger"])
    if not said["finished"] or ledger.imbalance() or ledger.fetched != ledger.listed:
        raise RuntimeError(f"the mining failed: {ledger}")
    return Run(ledger.listed, said["seconds"], usage, ledger.contacts, said["states"])


def belongs(pid: int, home: Path) -> bool:
    """Return whether a process is the keeper of the embedded servers in a folder."""
    try:
        return "fetcher.embedded.keeper" in " ".join(command := psutil.Process(pid).cmdline()) and str(home) in command
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False


def mine_once(dovecot: Dovecot, folder: Path, home: Path, user: str, roots: list[int]) -> dict[str, Any]:
    """Run `bench.fetch` and return what it printed."""
    url = f"imap://{LOGIN.replace('@', '%40')}@127.0.0.1:{dovecot.port}"
    command = [sys.executable, "-m", "bench.fetch", url, str(folder / "password"), user]
    environment = {**os.environ, "LEADMINER_HOME": str(home)}
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE)
    roots.append(process.pid)
    output, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"bench.fetch ended with exit code {process.returncode}")
    return dict(json.loads(output))


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a temporary folder for one benchmark."""
    with tempfile.TemporaryDirectory(prefix="lmbench-") as folder:
        yield Path(folder)
