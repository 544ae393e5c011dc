"""A server or processor that runs as a child process, logs to a file and can be restarted."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOG_CAP_BYTES = 4 * 1024 * 1024
"""A log larger than this is truncated at the next launch."""
INHERITED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "PYTHONWARNINGS")
SETTINGS = ("SWEEP_SECONDS", "CLAIM_SECONDS")
"""INHERITED and SETTINGS are all that a child gets of our environment, which may also hold passwords and tokens."""


class EmbeddedError(RuntimeError):
    """The embedded servers cannot run; the text is a sentence or two for the user."""


def child_environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: our harmless variables, and `extra`."""
    return (
        {name: os.environ[name] for name in INHERITED + SETTINGS if name in os.environ} | {"LC_ALL": "C"} | dict(extra)
    )


def _follow_parent(death_signal: int) -> Callable[[], None]:
    """Return a function for the child to call before exec, so that it is stopped when its parent is killed."""
    prctl = ctypes.CDLL(None).prctl

    def follow() -> None:
        prctl(1, death_signal)  # PR_SET_PDEATHSIG, linux/prctl.h

    return follow


@dataclass
class Child:
    """One child process; `stop_signal` ends it cleanly.

    With `leashed`, the child ends with its parent, even if the parent is killed (Linux). Use it only in a parent with a
    single thread, because the system treats the end of the launching thread as the end of the parent. The child then
    gets `death_signal`, or `stop_signal` if that is 0.
    """

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    pass_fds: tuple[int, ...] = ()
    leashed: bool = False
    death_signal: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the latest launch; raises EmbeddedError before the first."""
        if self.process is None:
            raise EmbeddedError(f"{self.name} has not been started.")
        return self.process.pid

    def launch(self) -> None:
        """Start the process in its own session, so that a Ctrl-C in the terminal does not reach it."""
        fresh = os.O_TRUNC if self.log.exists() and self.log.stat().st_size > LOG_CAP_BYTES else 0
        try:
            log = os.open(self.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | fresh, 0o600)
        except OSError as error:
            raise EmbeddedError(f"The log {self.log} is not writable: {error.strerror}.") from error
        follow = (
            _follow_parent(self.death_signal or self.stop_signal) if self.leashed and sys.platform == "linux" else None
        )
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.log.parent,
                env=child_environment(self.environment),
                pass_fds=self.pass_fds,
                start_new_session=True,
                preexec_fn=follow,
            )
        except OSError as error:
            raise EmbeddedError(f"{self.name} cannot be started: {error.strerror} ({self.command[0]}).") from error
        finally:
            os.close(log)

    def signal_stop(self) -> None:
        """Ask the process to end, without waiting."""
        self.end(self.stop_signal)

    def end(self, number: int) -> None:
        """Send the process a signal that ends it, without waiting."""
        if self.process is not None and self.alive:
            self.process.send_signal(number)

    def wait_stopped(self, *, timeout_seconds: float) -> None:
        """Wait until the process has ended; kill it after the timeout."""
        if self.process is None:
            return
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()

    def stop(self, *, timeout_seconds: float = 30) -> None:
        """End the process cleanly, or kill it after the timeout."""
        self.signal_stop()
        self.wait_stopped(timeout_seconds=timeout_seconds)

    def kill(self) -> None:
        """End the process immediately, as a crash would, and wait for its end."""
        self.end(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()

    def last_words(self) -> str:
        """Return the last lines of the log, at most 4 KiB, which show why the process ended."""
        try:
            with self.log.open("rb") as log:
                log.seek(max(0, self.log.stat().st_size - 4096))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""

    def last_line(self) -> str:
        """Return the last non-empty line of the log and the log's path, to end a sentence with."""
        lines = [line.strip() for line in self.last_words().splitlines() if line.strip()]
        return f"{lines[-1] if lines else 'it printed nothing'} (log: {self.log})."


def wait_ready(child: Child, ready: Callable[[], bool], *, timeout_seconds: float) -> bool:
    """Wait until `ready` returns true; return False if the child ends first or the timeout passes."""
    deadline = time.monotonic() + timeout_seconds
    while child.alive and time.monotonic() < deadline:
        if ready():
            return True
        time.sleep(0.02)
    return False
