"""The embedded default: PostgreSQL, Valkey and processors in the user's data directory, started and stopped by need."""

import contextlib
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fetcher.embedded.child import EmbeddedError, child_environment
from fetcher.embedded.home import Home

__all__ = ["EmbeddedError", "Endpoints", "default_processors", "start"]

MOST_PROCESSORS = 8
WAIT_SECONDS = 120
"""How long the servers of another `leadminer` are waited for, while they start or stop."""
LOOK_SECONDS = 0.05


@dataclass(frozen=True)
class Endpoints:
    """Where the embedded servers are; the strings hold no secret but the token, which is good until they stop."""

    redis_url: str
    raw_store_path: Path
    postgres_connection_string: str
    postgres_mining_connection_string: str
    processor_url: str
    processor_token: str = field(repr=False)


def default_processors() -> int:
    """Return how many processors are started where nobody says: all cores but one, and two at least.

    On two cores a second one makes a mining a fifth shorter, since each waits for the database (docs/performance.md).
    """
    return min(max(2, (os.cpu_count() or 1) - 1), MOST_PROCESSORS)


@contextmanager
def start(
    folder: Path, *, processors: int | None = None, notice: Callable[[str], None] = lambda _: None
) -> Iterator[Endpoints]:
    """Yield the endpoints of the embedded servers of a data directory, started if they do not run yet.

    They run until the last `leadminer` that uses them is done, or dead; a server or processor that dies meanwhile is
    started again. `processors` counts where this call is the one that starts them. `notice` gets what takes time, as
    sentences. Raises EmbeddedError, whose text is for the user, where they cannot be started.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # mail is in our memory
    home = Home(folder)
    home.prepare()
    user = _enter(home, notice)
    try:
        yield _endpoints(home, processors or default_processors(), notice)
    finally:
        os.close(user)
        _leave(home, notice)


def _enter(home: Home, notice: Callable[[str], None]) -> int:
    """Become a user of the servers; where they are stopping just now, wait for that first."""
    deadline = time.monotonic() + WAIT_SECONDS
    looks = 0
    while (user := home.lock("users.lock", shared=True)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"The embedded servers in {home.folder} have been stopping for {WAIT_SECONDS} s: see {home.logs}."
            )
        if looks == 1:
            notice("Waiting for the embedded servers to stop before they start again.")
        looks += 1
        time.sleep(LOOK_SECONDS)
    return user


def _endpoints(home: Home, processors: int, notice: Callable[[str], None]) -> Endpoints:
    """Return the endpoints of the keeper that runs; start one where there is none."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if runtime := home.read_runtime():
            return Endpoints(**runtime | {"raw_store_path": Path(runtime["raw_store_path"])})
        if not home.held("keeper.lock"):
            notice("Starting the embedded servers.")
            _start_keeper(home, processors)
        time.sleep(LOOK_SECONDS)
    raise EmbeddedError(
        f"The embedded servers in {home.folder} have been starting for {WAIT_SECONDS} s: see {home.logs}."
    )


def _start_keeper(home: Home, processors: int) -> None:
    """Start a keeper and wait for its word; raise EmbeddedError with the reason that it gives."""
    log_path = home.logs / "keeper.log"
    try:
        log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise EmbeddedError(f"The log {log_path} cannot be written: {error.strerror}.") from error
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
    threading.Thread(target=keeper.wait, daemon=True).start()  # it may outlive this call, and is to leave no zombie
    said = json.loads(line or b"{}")
    if "error" in said:
        raise EmbeddedError(said["error"])
    if not said:
        raise EmbeddedError(f"The embedded servers ended at once: see {log_path}.")


def _leave(home: Home, notice: Callable[[str], None]) -> None:
    """Wait until the servers have stopped, unless another user keeps them running."""
    while home.held("keeper.lock"):
        if _used_by_others(home):
            notice("The embedded servers go on for another leadminer that uses them, and stop with it.")
            return
        time.sleep(LOOK_SECONDS)


def _used_by_others(home: Home) -> bool:
    """Say whether the lock of the users is shared: neither free, nor held by the keeper alone."""
    alone = home.lock("users.lock")
    if alone is not None:
        os.close(alone)
        return False
    return not home.held("users.lock")
