"""The process that owns the embedded servers: starts them, restarts those that die, and stops them some time after use.

It has its own session, so neither a Ctrl-C nor a sudden end of the `leadminer` that started it can interrupt the
servers. It runs in one thread, so that the system ends its children if it is killed.
"""

import json
import logging
import os
import resource
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fetcher.embedded.build import build_digest
from fetcher.embedded.child import Child, EmbeddedError
from fetcher.embedded.home import Home, noted
from fetcher.embedded.postgres import PostgresServer
from fetcher.embedded.valkey import ValkeyServer

LOOK_SECONDS = 0.1
STEADY_SECONDS = 10
"""A child that has run this long is not failing; if it ends later, it is restarted immediately."""
LONGEST_PAUSE_SECONDS = 5
HOPELESS_LAUNCHES = 4
"""After this many failed launches in a row, the first start is given up and the reason is reported."""
READY_SECONDS = 300
ANSWER_SECONDS = 0.5
"""How long we wait for a processor's answer before we look at the servers again."""
READY = "GET /ready HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
log = logging.getLogger("keeper")


@dataclass
class Kept:
    """A child that is restarted whenever it ends. `before` prepares each launch; `failure` returns why it ended."""

    child: Child
    failure: Callable[[], str]
    before: Callable[[], object] = lambda: None
    launches: int = 0
    launched_at: float = 0.0

    def look(self, now: float) -> bool:
        """Launch the child if it is down and its pause has passed; return whether it was launched."""
        if self.child.alive:
            if now - self.launched_at > STEADY_SECONDS:
                self.launches = 0
            return False
        pause = min(LOOK_SECONDS * 2**self.launches, LONGEST_PAUSE_SECONDS) if self.launches else 0
        if now - self.launched_at < pause:
            return False
        if self.child.process is not None:
            log.warning("%s ended (%s); starting it again", self.child.name, self.child.process.returncode)
        self.before()
        self.launches += 1
        self.launched_at = now
        self.child.launch()
        return True


class Keeper:
    """The embedded servers and processors of one home.

    Only the first processor always runs: it serves the HTTP API. The others start when somebody mines.
    """

    def __init__(self, home: Home, lock: int, *, processors: int) -> None:
        """Take the home and the descriptor of its `keeper.lock`."""
        self.home = home
        self.build = build_digest()  # as it is now: an edit from here on makes it another one
        self.stopping = False
        self._lock = lock
        self.sockets = sockets = home.sockets()
        self.postgres = PostgresServer(home.postgres, sockets, home.logs / "postgres.log", leashed=True)
        self.valkey = ValkeyServer(home.valkey, sockets, home.logs / "valkey.log", leashed=True)
        self.servers = [
            Kept(self.postgres.child, self.postgres.failure, self.postgres.clear_way),
            Kept(self.valkey.child, self.valkey.failure),
        ]
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.token = secrets.token_urlsafe(32)
        self.processors = [self._processor(number) for number in range(1, processors + 1)]
        self.wanted = [*self.servers, self.processors[0]]
        self.trouble: list[str] = []

    def _processor(self, number: int) -> Kept:
        name = f"embedded-{number}"
        child = Child(
            f"Processor {name}",
            [sys.executable, "-P", "-m", "processor"],
            self.home.logs / f"processor-{number}.log",
            environment={
                "STORAGE_MODE": "postgresql",
                "POSTGRES_CONNECTION_STRING": self.postgres.conninfo("leadminer"),
                "POSTGRES_MINING_CONNECTION_STRING": self.postgres.conninfo("leadminer_mining"),
                "REDIS_URL": self.valkey.url(),
                "RAW_STORE_PATH": str(self.home.raw),
                "PROCESSOR_TOKEN": self.token,
                "PROCESSOR_LISTEN": f"fd:{self.listener.fileno()}",
                "PROCESSOR_NAME": name,
            },
            pass_fds=(self.listener.fileno(),),
            leashed=True,
            death_signal=signal.SIGKILL,  # its unfinished jobs are delivered again
        )
        return Kept(child, child.last_line)

    def start(self) -> None:
        """Start everything at once and return when a processor answers; raise EmbeddedError with the reason.

        A processor needs longer to load than PostgreSQL to start, so it does not wait for it. If it ends because
        PostgreSQL was not ready yet, that is no failure.
        """
        self.postgres.prepare()
        self.valkey.prepare()
        deadline = time.monotonic() + READY_SECONDS
        while not self._look(self.wanted) or not self._serving():
            for one in self.wanted:
                if not one.child.alive and one.launches >= HOPELESS_LAUNCHES:
                    raise EmbeddedError(f"{one.child.name} did not start: {one.failure()}")
            if not self.postgres.ready():
                self.processors[0].launches = min(self.processors[0].launches, 1)
            if self.stopping:
                raise EmbeddedError("The embedded servers were told to stop while they were starting.")
            if time.monotonic() > deadline:
                raise EmbeddedError(
                    f"The embedded servers did not answer within {READY_SECONDS} seconds: see {self.home.logs}."
                )
            time.sleep(0.02)

    def _look(self, kept: Sequence[Kept]) -> bool:
        """Launch what is down; return whether everything is up."""
        launched = [one.look(time.monotonic()) for one in kept]
        trouble = [
            f"{one.child.name} keeps failing: {one.failure()}" for one in kept if one.launches >= HOPELESS_LAUNCHES
        ]
        if any(launched) or trouble != self.trouble:
            self.trouble = trouble
            children = {one.child.name: one.child.pid for one in kept if one.child.alive}
            self.home.write_state({"children": children, "trouble": trouble})
        return all(one.child.alive for one in kept)

    def _serving(self) -> bool:
        """Return whether Valkey, a processor and its two databases answer."""
        try:
            with socket.create_connection(self.listener.getsockname(), ANSWER_SECONDS) as connection:
                connection.sendall(READY.format(token=self.token).encode())
                return connection.recv(64).startswith(b"HTTP/1.1 200 ") and self.valkey.ready()
        except OSError:
            return False

    def runtime(self) -> dict[str, str | int]:
        """Return what a program needs to use the servers, whose build this is, and whom to tell to stop."""
        return {
            "postgres_connection_string": self.postgres.conninfo("leadminer"),
            "postgres_mining_connection_string": self.postgres.conninfo("leadminer_mining"),
            "redis_url": self.valkey.url(),
            "raw_store_path": str(self.home.raw),
            "processor_url": self.url,
            "processor_token": self.token,
            "build": self.build,
            "keeper": os.getpid(),
        }

    def keep(self) -> int | None:
        """Keep everything running until nobody needs it, the home is gone or we are told to stop.

        If nobody needs it, return the descriptor of the lock that keeps new users out.
        """
        last_wish, last_use = (0.0, 0), time.monotonic()
        while not self.stopping and self.home_is_there:
            alone = self.home.lock("users.lock")
            if alone is None:
                last_use = time.monotonic()
            else:
                wish = noted(alone)
                if wish != last_wish:  # somebody was here since we last looked
                    last_wish, last_use = wish, time.monotonic()
                if time.monotonic() - last_use >= wish[0]:
                    return alone
                os.close(alone)
            self._look_after()
            time.sleep(LOOK_SECONDS)
        return None

    @property
    def home_is_there(self) -> bool:
        """Whether our data directory has been neither removed, not even in part, nor replaced."""
        return self.home.owns("keeper.lock", self._lock) and (self.home.folder / "users.lock").exists()

    def _look_after(self) -> None:
        if len(self.wanted) < len(self.servers) + len(self.processors):
            alone = self.home.lock("miners.lock")
            if alone is None:
                self.wanted = [*self.servers, *self.processors]
            else:
                os.close(alone)
        try:
            self._look(self.wanted)
        except (EmbeddedError, OSError) as error:
            log.warning("%s", error)

    def stop(self) -> None:
        """Stop everything in reverse order; the processors first finish their current jobs.

        If the data directory is gone, there is nothing left to finish: everything ends at once.
        """
        if not self.home_is_there:
            for kept in self.processors:
                kept.child.kill()
            self.valkey.child.kill()
            self.postgres.abandon()
            return
        self.home.withdraw()
        for kept in self.processors:
            kept.child.signal_stop()
        for kept in self.processors:
            kept.child.wait_stopped(timeout_seconds=30)
        self.valkey.stop()
        self.postgres.stop()
        self.home.write_state({"children": {}, "trouble": []})
        with suppress(OSError):  # it may be in the system's temporary directory, which other programs clean
            self.sockets.rmdir()


def _tell(word: str, text: str = "") -> None:
    """Answer the process that started us, once, then close our standard output, which nobody else reads."""
    os.write(1, json.dumps({word: text}).encode() + b"\n")
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.close(null)


def main(folder: str, processors: str) -> int:
    """Run the keeper of a home. Its one line of output is JSON: `ready`, `busy`, or `error` with a sentence."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o077)
    home = Home(Path(folder))
    try:
        lock = home.lock("keeper.lock")
        if lock is None:
            _tell("busy")
            return 0
        keeper = Keeper(home, lock, processors=int(processors))
    except EmbeddedError as error:
        _tell("error", str(error))
        return 1
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: setattr(keeper, "stopping", True))
    return _run(keeper)


def _run(keeper: Keeper) -> int:
    try:
        keeper.start()
        keeper.home.publish(keeper.runtime())
        _tell("ready")
        keeper.keep()
    except EmbeddedError as error:
        _tell("error", str(error))
        return 1
    except OSError as error:
        _tell("error", f"The embedded servers cannot run in {keeper.home.folder}: {error.strerror}.")
        return 1
    finally:
        keeper.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
