"""Redis, as its container starts it, needs the password, keeps its jobs, and does not show its secret."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from fetcher.embedded.valkey import valkey_binary
from infra.docker.redis import START

PASSWORD = "a-password-of-tests"


@pytest.fixture(scope="module")
def port() -> int:
    """Return a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
    return number


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Yield the server, started by the container's command with another address and folder."""
    folder = tmp_path_factory.mktemp("redis")
    (folder / "redis-server").symlink_to(valkey_binary())
    script = START.format(memory=64).replace("dir /data", f"dir {folder}").replace("* -::*", f"127.0.0.1\nport {port}")
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "REDIS_PASSWORD": PASSWORD}
    started = subprocess.Popen(["sh", "-c", script], env=environment, stdout=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield started
    finally:
        started.terminate()
        started.wait(10)


def wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    pytest.fail("Redis did not start")


@pytest.fixture
def client(server: subprocess.Popen[bytes], port: int) -> Iterator[redis.Redis]:
    """Yield a client with the password."""
    with redis.Redis(port=port, password=PASSWORD, decode_responses=True) as known:
        yield known


def test_strangers_are_refused(client: redis.Redis, port: int) -> None:
    """Without the password, no command is accepted."""
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()

    assert client.ping()


def test_it_keeps_jobs_and_never_evicts(client: redis.Redis) -> None:
    """Redis writes an append-only file and never evicts a key."""
    wanted = {"appendonly": "yes", "maxmemory": str(64 * 1024 * 1024), "maxmemory-policy": "noeviction"}

    assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_it_is_the_first_process_and_its_arguments_hold_no_secret(server: subprocess.Popen[bytes]) -> None:
    """Redis replaces the shell, so that it gets signals, and its arguments do not have the password."""
    arguments = Path(f"/proc/{server.pid}/cmdline").read_bytes()

    assert b"redis-server" in arguments
    assert b"sh\0-c" not in arguments
    assert PASSWORD.encode() not in arguments
