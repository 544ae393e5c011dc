"""A crowd before `leadminer serve`: what many who watch one mining and many minings in line cost its memory."""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psutil

from schemas.ledger import Ledger
from schemas.minings import Status
from tests.support.fake_processor import FIRST_MINING, TOKEN, FakeProcessor, running

WATCHERS = 1_000
WAITING = 200
SERVE_TOKEN = "the-token-of-the-bench"
WATCHED_SECONDS = 5.0
"""How long the crowd watches a mining that makes progress each second, before it ends."""
SECONDS = 60.0
"""How long the whole may take."""
MIB = 1024 * 1024
RUNNING = Status(FIRST_MINING, "processing", cancelled=False, listed=100_000)
ENDED = replace(RUNNING, state="finished", ledger=Ledger(listed=100_000).to_json(), receipt={})

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True, slots=True)
class Crowd:
    """How a service bore it."""

    watchers: int
    waiting: int
    grown_bytes: int
    ended: int

    def report(self) -> str:
        """Return the figures as a line."""
        return (
            f"{self.watchers:,} watchers of one mining and {self.waiting} minings in line: memory grows by "
            f"{self.grown_bytes / MIB:.0f} MiB, and {self.ended:,} saw the end"
        )


def measure(watchers: int = WATCHERS, waiting: int = WAITING) -> Crowd:
    """Let a crowd watch a mining while others wait in line, and then end the mining."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4 * WATCHERS), hard))
    fake = FakeProcessor(minings=[RUNNING.to_json()])
    with running(fake), served(fake, waiting) as (service, address):
        grown, ended = asyncio.run(_watched(fake, psutil.Process(service.pid), address, watchers, waiting))
        return Crowd(watchers, waiting, grown, ended)


@contextmanager
def served(fake: FakeProcessor, waiting: int) -> Iterator[tuple["subprocess.Popen[bytes]", tuple[str, int]]]:
    """Yield a process that serves in front of a processor and runs one mining at once, and its address."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0), backlog=4_096) as listening:
        settings = {
            "LEADMINER_HOME": folder,
            "RAW_STORE_PATH": folder,
            "POSTGRES_CONNECTION_STRING": "postgresql://127.0.0.1:1/none",
            "REDIS_URL": "redis://127.0.0.1:1",
            "PROCESSOR_URL": fake.url,
            "PROCESSOR_TOKEN": TOKEN,
            "SERVE_TOKEN": SERVE_TOKEN,
            "SERVE_LISTEN": f"fd:{listening.fileno()}",
            "SERVE_ALLOW_HOSTS": "127.0.0.1",
            "SERVE_MININGS": "1",
            "SERVE_WAITING": str(waiting),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "fetcher.commands.cli", "serve"],
            env=dict(os.environ) | settings,
            pass_fds=(listening.fileno(),),
            stderr=subprocess.DEVNULL,
        )
        try:
            yield process, listening.getsockname()[:2]
        finally:
            process.kill()
            process.wait()


async def _watched(
    fake: FakeProcessor, service: psutil.Process, address: tuple[str, int], watchers: int, waiting: int
) -> tuple[int, int]:
    """Return by how many bytes the service grew, and how many watchers saw the end."""
    async with asyncio.timeout(SECONDS):
        first = await _open(address)
        await first[0].readuntil(b"event: state")
        before = service.memory_info().rss
        with socket.create_server(("127.0.0.1", 0)) as silent:
            line = await _fill_line(address, silent.getsockname()[1], waiting)
            streams = [first, *[await _open(address) for _ in range(watchers - 1)]]
            for number in range(int(WATCHED_SECONDS)):
                fake.minings = [replace(RUNNING, processed=1_000 * number).to_json()]
                await asyncio.sleep(1)
            grown = service.memory_info().rss - before
            fake.minings = [ENDED.to_json()]
            ends = await asyncio.gather(*[_sees_the_end(stream) for stream in streams])
        for _, writer in (*streams, *line):
            writer.close()
            await writer.wait_closed()
    return grown, sum(ends)


async def _open(address: tuple[str, int]) -> Stream:
    reader, writer = await asyncio.open_connection(*address, limit=2**16)
    writer.write(_head("GET", f"/users/local/minings/{FIRST_MINING}/events", address) + b"\r\n")
    await writer.drain()
    return reader, writer


async def _fill_line(address: tuple[str, int], silent: int, waiting: int) -> list[Stream]:
    """Start a mining whose mail server never says anything, and put others in line behind it."""
    streams = []
    for number in range(waiting + 1):
        order = json.dumps({"source": f"imaps://jane{number}@127.0.0.1:{silent}", "password": "x" * 20}).encode()
        reader, writer = await asyncio.open_connection(*address)
        head = _head("POST", f"/users/user{number}/minings", address)
        writer.write(head + f"Content-Length: {len(order)}\r\n\r\n".encode() + order)
        await writer.drain()
        streams.append((reader, writer))
        if number:
            assert b" 202 " in await reader.readline()
        else:
            await asyncio.sleep(0.5)  # it is answered when it has begun, which it never does
    return streams


def _head(method: str, path: str, address: tuple[str, int]) -> bytes:
    host = f"{address[0]}:{address[1]}"
    return f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {SERVE_TOKEN}\r\n".encode()


async def _sees_the_end(stream: Stream) -> bool:
    try:
        await stream[0].readuntil(b"event: ended")
    except (asyncio.IncompleteReadError, ConnectionError):
        return False
    return True
