"""The whole stack as people run it on their own servers: each server, processor and command is a process."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psutil
import psycopg
import redis

from demo.people import OWNER
from fetcher.adapters.processor import ProcessorClient
from fetcher.contacts.export import Format, export_contacts
from fetcher.contacts.pages import read_contacts
from fetcher.embedded.child import Child, child_environment
from tests.support.mailboxes import PASSWORD
from tests.support.servers import Postgres, Valkey

BASELINE_USER = "baseline"
"""The user whose mining of the friendly mailbox is left undisturbed."""
TOKEN = "a-service-token-of-tests-alone"
AS_OF = "2026-11-01"
STREAM = "leadminer:jobs"
TABLES = ("minings", "segments", "points", "persons", "chunks", "guard")
PATIENCE_SECONDS = 90.0
RUN_SECONDS = 0.005
MOST_SEGMENTS = 20
"""The friendly mailbox has 26 segments, so that some are still to be stored."""
NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Said:
    """A finished command: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Account:
    """What remains of a user's mining: it must be the same no matter how the mining went."""

    contacts: bytes
    ledger: dict[str, Any]
    messages: int


class House:
    """PostgreSQL, Valkey, a raw store and processors, and the command `leadminer` configured to use them."""

    def __init__(self, *, processors: int = 2) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="lm-house-"))
        self.postgres = Postgres()
        self.valkey = Valkey()
        self.raw = self.folder / "raw"
        self.raw.mkdir(mode=0o700)
        (self.folder / "password").write_text(PASSWORD)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.settings = {
            "POSTGRES_CONNECTION_STRING": self.postgres.conninfo("leadminer"),
            "POSTGRES_MINING_CONNECTION_STRING": self.postgres.conninfo("leadminer_mining"),
            "REDIS_URL": self.valkey.url(),
            "RAW_STORE_PATH": str(self.raw),
            "PROCESSOR_TOKEN": TOKEN,
        }
        self.processors = [self._processor(number) for number in range(processors)]
        self.client = ProcessorClient(self.url, TOKEN)
        self.redis: redis.Redis = redis.Redis.from_url(self.valkey.url())
        self._commands: list[subprocess.Popen[str]] = []

    def _processor(self, number: int) -> Child:
        return Child(
            f"processor {number}",
            [sys.executable, "-m", "processor"],
            self.folder / f"processor-{number}.log",
            environment=self.settings
            | {"PROCESSOR_LISTEN": f"fd:{self._listener.fileno()}", "PROCESSOR_NAME": f"house-{number}"},
            pass_fds=(self._listener.fileno(),),
        )

    def __enter__(self) -> Self:
        self.postgres.start()
        self.valkey.start()
        self.postgres.server.create_databases("leadminer", "leadminer_mining")
        for processor in self.processors:
            processor.launch()
        wait_until(self._healthy, seconds=30)
        return self

    def __exit__(self, *_: object) -> None:
        for command in self._commands:
            command.kill()
            command.communicate()
        self.client.close()
        self.redis.close()
        for processor in self.processors:
            processor.kill()
        self.valkey.close()
        self.postgres.close()
        self._listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_command(self, *arguments: str, settings: Mapping[str, str] = NONE) -> subprocess.Popen[str]:
        """Start a `leadminer` command configured to use these servers; `settings` override that."""
        environment = child_environment(self.settings | {"PROCESSOR_URL": self.url} | dict(settings))
        process = subprocess.Popen(
            [sys.executable, "-m", "fetcher.commands.cli", *arguments],
            env=environment | {"LEADMINER_HOME": str(self.folder / "home")},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._commands.append(process)
        return process

    def end_command(self, process: subprocess.Popen[str]) -> Said:
        """Wait for a command to end, and return its exit code and output."""
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
        self._commands.remove(process)
        return Said(process.returncode, out, err)

    def leadminer(self, *arguments: str) -> Said:
        """Run a command to its end."""
        return self.end_command(self.start_command(*arguments))

    def start_mine(
        self, user: str, port: int, *options: str, login: str = OWNER, settings: Mapping[str, str] = NONE
    ) -> subprocess.Popen[str]:
        """Start mining a mailbox on an IMAP server on loopback."""
        source = f"imap://{quote(login, safe='')}@127.0.0.1:{port}"
        password = str(self.folder / "password")
        asked = ("mine", source, "--user", user, "--password-file", password, "--as-of", AS_OF, *options)
        return self.start_command(*asked, settings=settings)

    def mine(self, user: str, port: int, *options: str, login: str = OWNER) -> Said:
        """Mine a mailbox and wait for the command to end."""
        return self.end_command(self.start_mine(user, port, *options, login=login))

    def stored(self) -> list[str]:
        """Return the keys of the complete segments in the raw store."""
        return [path.relative_to(self.raw).as_posix() for path in self.raw.glob("*/*/*/*") if path.name[0] != "."]

    def stop_half_way(self, fetcher: "subprocess.Popen[Any]") -> None:
        """Stop a fetcher's process once it has stored some segments but not all; it is paused during each check.

        It is given the lowest priority, so that on a busy machine too it is paused about when it should be.
        """
        psutil.Process(fetcher.pid).nice(19)

        def stores() -> bool:
            fetcher.send_signal(signal.SIGCONT)
            time.sleep(RUN_SECONDS)
            fetcher.send_signal(signal.SIGSTOP)
            return bool(self.stored())

        wait_until(stores, look_seconds=0)
        assert len(self.stored()) < MOST_SEGMENTS

    def jobs(self) -> int:
        """Return how many unacknowledged jobs the queue holds."""
        return int(self.redis.xlen(STREAM))

    def contacts(self, user: str) -> bytes:
        """Return a user's export in JSON Lines."""
        return b"".join(export_contacts(read_contacts(self.client, user), Format.JSONL))

    def account(self, user: str) -> Account:
        """Return the account of the user's first mining; any later minings must have found nothing new."""
        *later, first = self.client.minings(user)
        assert first["state"] == "finished"
        assert not [mining for mining in later if mining["listed"] or mining["state"] != "finished"], (later, first)
        return Account(self.contacts(user), first["ledger"], self.counted(user))

    def counted(self, user: str) -> int:
        """Return how many messages have been counted for a user."""
        counted = "SELECT count(*) FROM messages JOIN users USING (user_no) WHERE user_id = %s"
        with psycopg.connect(self.postgres.conninfo("leadminer_mining")) as connection:
            return int((connection.execute(counted, [user]).fetchone() or [0])[0])

    def leftovers(self) -> dict[str, int]:
        """Return the counts of leftover temporary rows, files and jobs, without zeros."""
        with psycopg.connect(self.postgres.conninfo("leadminer_mining")) as connection:
            counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone() for table in TABLES]
        left = {table: count[0] for table, count in zip(TABLES, counts, strict=True) if count}
        left["files"] = sum(not path.is_dir() for path in self.raw.rglob("*"))
        left["jobs"] = self.jobs()
        return {name: count for name, count in left.items() if count}

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def kill(process: subprocess.Popen[Any] | None) -> bool:
    """Kill a process as a crash would; return False if it had already ended."""
    if process is None or process.poll() is not None:
        return False
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    return True


def wait_until(true: Callable[[], bool], *, seconds: float = PATIENCE_SECONDS, look_seconds: float = 0.02) -> float:
    """Wait until a condition is true and return the seconds that took; fail after `seconds`."""
    began = time.monotonic()
    while not true():
        assert time.monotonic() < began + seconds, f"the condition was not true within {seconds} s"
        time.sleep(look_seconds)
    return time.monotonic() - began


@contextlib.contextmanager
def slowed(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Let a process run only a fortieth of the time, so that the test has time to interfere."""
    done = threading.Event()

    def pulse() -> None:
        while process.poll() is None and not done.wait(0.005):
            process.send_signal(signal.SIGSTOP)
            done.wait(0.195)
            process.send_signal(signal.SIGCONT)

    thread = threading.Thread(target=pulse)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
