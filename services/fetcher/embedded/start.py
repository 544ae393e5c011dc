"""The embedded default: PostgreSQL, Valkey and processors in the user's data directory, started on demand."""

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
"""How long we wait for the servers of another `leadminer` to start or stop."""
LOOK_SECONDS = 0.05


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
    folder: Path, *, processors: int | None = None, notice: Callable[[str], None] = lambda _: None
) -> Iterator[Endpoints]:
    """Yield the endpoints of a data directory's embedded servers, and start the servers if they are not running.

    They run until the last `leadminer` that uses them exits or dies. A server or processor that dies earlier is
    restarted. `processors` applies only if this call starts the servers. `notice` is called with a sentence for each
    step that takes time. Raises EmbeddedError, whose text is for the user, if the servers cannot be started.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # our memory contains mail
    home = Home(folder)
    home.prepare()
    user = _enter(home, notice)
    try:
        yield _endpoints(home, processors or default_processors(), notice)
    finally:
        os.close(user)
        _leave(home, notice)


def _enter(home: Home, notice: Callable[[str], None]) -> int:
    """Become a user of the servers; if they are stopping, wait until they have stopped."""
    deadline = time.monotonic() + WAIT_SECONDS
    looks = 0
    while (user := home.lock("users.lock", shared=True)) is None:
        if time.monotonic() > deadline:
            raise EmbeddedError(
                f"The embedded servers in {home.folder} did not stop within {WAIT_SECONDS} seconds: see {home.logs}."
            )
        if looks == 1:
            notice("Waiting for the embedded servers to stop before they start again.")
        looks += 1
        time.sleep(LOOK_SECONDS)
    return user


def _endpoints(home: Home, processors: int, notice: Callable[[str], None]) -> Endpoints:
    """Return the endpoints of the running keeper; start a keeper if there is none."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        if runtime := home.read_runtime():
            return Endpoints(**runtime | {"raw_store_path": Path(runtime["raw_store_path"])})
        if not home.held("keeper.lock"):
            notice("Starting the embedded servers.")
            _start_keeper(home, processors)
        time.sleep(LOOK_SECONDS)
    raise EmbeddedError(
        f"The embedded servers in {home.folder} did not start within {WAIT_SECONDS} seconds: see {home.logs}."
    )


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


def _leave(home: Home, notice: Callable[[str], None]) -> None:
    """Wait until the servers have stopped, unless another user keeps them running."""
    while home.held("keeper.lock"):
        if _used_by_others(home):
            notice("The embedded servers keep running, because another leadminer is using them.")
            return
        time.sleep(LOOK_SECONDS)


def _used_by_others(home: Home) -> bool:
    """Return whether the users' lock is held shared, as opposed to free or held exclusively by the keeper."""
    alone = home.lock("users.lock")
    if alone is not None:
        os.close(alone)
        return False
    return not home.held("users.lock")
