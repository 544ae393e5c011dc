"""Whole commands of the command line on a heavier mailbox, as a person waits for them, beside two short scripts.

*Cold* starts the embedded servers on data that is already there; *warm* finds them running.
"""

import os
import resource
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from bench.heavy import read_heavy
from bench.mailbox import LOGIN
from bench.whole import CHECKOUT, scratch, serve
from tests.support.dovecot import Dovecot

READING = ("mine", "thirty lines")
"""How the names of those commands begin that read the mailbox."""
LEADMINER = (str(Path(sys.executable).with_name("leadminer")),)


class Took(NamedTuple):
    """What one command took: its wall time, and the processor time of its own process."""

    seconds: float
    cpu_seconds: float


class Rows:
    """The times of each command, by its name, in order."""

    def __init__(self) -> None:
        self._taken: dict[str, list[Took]] = defaultdict(list)

    def add(self, name: str, took: Took) -> None:
        """Note one run."""
        self._taken[name].append(took)

    def report(self, messages: int) -> str:
        """Return a line for each command: the median, the best, and for what reads the mailbox messages a second."""
        lines = [f"whole commands, {messages:,} messages of 20 KB (median; best; CPU time of the command itself):"]
        for name, taken in self._taken.items():
            seconds, best = statistics.median(took.seconds for took in taken), min(took.seconds for took in taken)
            cpu = min(took.cpu_seconds for took in taken)
            rate = f"   {messages / best:7,.0f} messages/s at best" if name.startswith(READING) else ""
            lines.append(f"  {name:38}{seconds:6.2f} s; {best:6.2f} s; {cpu:5.2f} s{rate}")
        return "\n".join(lines)


def measure_commands(messages: int, rounds: int) -> str:
    """Run every command once per round, and return the rows."""
    rows = Rows()
    with scratch() as folder, serve(messages, folder, read_heavy()) as dovecot:
        leadminer(folder, "contacts")  # makes the data directory
        try:
            for number in range(rounds):
                _measure_round(rows, dovecot, folder, f"round{number}")
        finally:
            leadminer(folder, "stop")
    return rows.report(messages)


def _measure_round(rows: Rows, dovecot: Dovecot, folder: Path, user: str) -> None:
    url = f"imap://{LOGIN.replace('@', '%40')}@127.0.0.1:{dovecot.port}"
    for scope in ("headers", "text"):
        rows.add(f"thirty lines, {scope}", run([sys.executable, "-m", "bench.thirty_lines", str(dovecot.port), scope]))
    for start in ("cold", "warm"):
        for scope in ("headers", "text"):
            if start == "cold":
                leadminer(folder, "stop")
            mining = ("mine", url, "--scope", scope, "--password-file", str(folder / "password"))
            owner = ("--user", f"{user}-{start}-{scope}")
            rows.add(f"mine, {start}, {scope}", leadminer(folder, *mining, *owner))
    for start in ("warm", "cold"):
        if start == "cold":
            leadminer(folder, "stop")
        rows.add(f"a second mining, nothing new, {start}", leadminer(folder, *mining, *owner))
        if start == "cold":
            leadminer(folder, "stop")
        rows.add(f"contacts --limit 1, {start}", leadminer(folder, "contacts", "--limit", "1", *owner))


def leadminer(folder: Path, *arguments: str) -> Took:
    """Run the command line with a data directory in `folder`."""
    return run([*LEADMINER, *arguments], LEADMINER_HOME=str(folder / "home"))


def run(command: list[str], **environment: str) -> Took:
    """Run a command and return what it took; raise CalledProcessError unless it ends well."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=CHECKOUT, env=os.environ | environment, check=True, capture_output=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Took(seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
