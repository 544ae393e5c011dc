"""The embedded default: PostgreSQL, Valkey and processors in the user's data directory, started on demand."""

import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fetcher.embedded.build import build_digest
from fetcher.embedded.child import EmbeddedError, child_environment
from fetcher.embedded.home import Home, note

__all__ = ["EmbeddedError", "Endpoints", "InUse", "default_processors", "start", "stop"]

MOST_PROCESSORS = 8
WAIT_SECONDS = 120
"""How long we wait for the servers of another `leadminer` to start or stop."""
LOOK_SECONDS = 0.05


class InUse(EmbeddedError):
    """The servers must not stop now, because another `leadminer` is using them."""


@dataclass(frozen=True)
class Endpoints:
    """Where the embedded servers are. The only secret is the token, which is valid until the servers stop."""

    redis_url: str
    raw_store_path: Path
    postgres_connection_string: str
    postgres_mining_connection_string: str
    processor_url: str
    processor_token: str = field(repr=False)


def default_processors() -> int:
    """Return the default number of processors: one less than the number of cores, at least two and at most eight.

    On two cores, a second processor makes a mining a fifth shorter, because each one often waits for the database
    (docs/performance.md).
    """
    return min(max(2, (os.cpu_count() or 1) - 1), MOST_PROCESSORS)


@contextmanager
def start(
    folder: Path,
    *,
    processors: int | None = None,
    mining: bool = True,
    linger_seconds: float = 0.0,
    notice: Callable[[str], None] = lambda _: None,
) -> Iterator[Endpoints]:
    """Yield the endpoints of a data directory's embedded servers, and start the servers if they are not running.

    They run until `linger_seconds` after the last `leadminer` that uses them exits or dies; if that is 0, this waits
    until they have stopped. A server or processor that dies earlier is restarted. Without `mining`, one processor is
    enough. `processors` applies only if this call starts the servers. `notice` is called with a sentence for each step
    that takes time. Raises EmbeddedError, whose text is for the user, if the servers cannot be started, and InUse if
    another build of leadminer uses them.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # our memory contains mail
    home = Home(folder)
    home.prepare()
    while True:
        user = _enter(home, linger_seconds, notice)
        try:
            endpoints = _endpoints(home, processors or default_processors(), notice)
        except BaseException:
            os.close(user)
            if not linger_seconds:
                _await_end(home, notice)
            raise
        if endpoints is not None:
            break
        os.close(user)
        stop(folder)
    miner = home.lock("miners.lock", shared=True, wait=True) if mining else None
    try:
        yield endpoints
    finally:
        if miner is not None:
            os.close(miner)
        note(user, linger_seconds)
        os.close(user)
        if not linger_seconds:
            _await_end(home, notice)


def stop(folder: Path) -> bool:
    """Stop the embedded servers of a data directory and return whether any were running.

    Raises InUse if a `leadminer` is using them.
    """
    home = Home(folder)
    if not folder.is_dir():
        return False
    alone = home.lock("users.lock")
    if alone is None and _in_use(home):
        raise InUse(f"Another leadminer is using the embedded servers in {folder}: wait until it ends, or stop it.")
    found = False
    deadline = time.monotonic() + WAIT_SECONDS
    try:
        while home.held("keeper.lock"):
            found = True
            if runtime := home.read_runtime():  # it keeps new users out, and the process id is not yet another's
                os.kill(runtime["keeper"], signal.SIGTERM)
            if time.monotonic() > deadline:
                raise EmbeddedError(_slow(home, "stop"))
            time.sleep(LOOK_SECONDS)
        return found
    finally:
        if alone is not None:
            os.close(alone)


def _enter(home: Home, linger_seconds: float, notice: Callable[[str], None]) -> int:
    """Become a user of the servers; if they are stopping, wait until they have stopped."""
    deadline = time.monotonic() + WAIT_SECONDS
    looks = 0
    while (user := home.lock("users.lock", shared=True)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(_slow(home, "stop"))
        if looks == 1:
            notice("Waiting for the embedded servers to stop before they start again.")
        looks += 1
        time.sleep(LOOK_SECONDS)
    note(user, linger_seconds)
    return user


def _endpoints(home: Home, processors: int, notice: Callable[[str], None]) -> Endpoints | None:
    """Return the endpoints of the running keeper; start a keeper if there is none. None if it is of another build."""
    deadline = time.monotonic() + WAIT_SECONDS
    build = build_digest()
    while time.monotonic() < deadline:
        if runtime := home.read_runtime():
            del runtime["keeper"]
            if runtime.pop("build") != build:
                return None
            return Endpoints(**runtime | {"raw_store_path": Path(runtime["raw_store_path"])})
        if not home.held("keeper.lock"):
            notice("Starting the embedded servers.")
            _start_keeper(home, processors)
        else:
            time.sleep(LOOK_SECONDS)
    raise EmbeddedError(_slow(home, "start"))


def _start_keeper(home: Home, processors: int) -> None:
    """Start a keeper and wait for its answer; raise EmbeddedError with the reason if it fails."""
    log_path = home.logs / "keeper.log"
    try:
        log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedError(f"The log {log_path} is not writable: {error.strerror}.") from error
    with contextlib.closing(os.fdopen(log, "wb")) as log_file:
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "fetcher.embedded.keeper", str(home.folder), str(processors)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log_file,
            env=child_environment({}),
            start_new_session=True,
        )
    with contextlib.closing(keeper.stdout or log_file) as output:
        line = output.readline()
    threading.Thread(target=keeper.wait, daemon=True).start()  # it may outlive this call; reap it when it ends
    said = json.loads(line or b"{}")
    if "error" in said:
        raise EmbeddedError(said["error"])
    if not said:
        raise EmbeddedError(f"The embedded servers stopped during startup: see {log_path}.")


def _await_end(home: Home, notice: Callable[[str], None]) -> None:
    """Wait until the servers have stopped, unless another user keeps them running."""
    while home.held("keeper.lock"):
        if _in_use(home):
            notice("The embedded servers keep running, because another leadminer is using them.")
            return
        time.sleep(LOOK_SECONDS)


def _in_use(home: Home) -> bool:
    """Return whether a user holds the users' lock.

    It can also be free, or the keeper has it: for good once it stops, and for an instant whenever it looks.
    """
    for _ in range(2):
        alone = home.lock("users.lock")
        if alone is not None:
            os.close(alone)
            return False
        if home.held("users.lock"):
            return False
        time.sleep(LOOK_SECONDS)
    return True


def _slow(home: Home, what: str) -> str:
    return f"The embedded servers in {home.folder} did not {what} within {WAIT_SECONDS} seconds: see {home.logs}."
