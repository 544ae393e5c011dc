"""The data directory of the embedded servers: its folders, its locks and its description of the running servers.

Each `leadminer` that uses the servers holds a shared lock on `users.lock`, and one that mines on `miners.lock` too. The
keeper is the process that owns the servers. When nobody has used them for as long as the last user asked, it takes
`users.lock` exclusively and stops. `keeper.lock` prevents a second keeper. A running keeper holds a lock on the
`runtime.json` that it wrote, so the file of a killed keeper is never trusted. The system releases the locks of a
process that dies.
"""

import fcntl
import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fetcher.embedded.child import EmbeddedError

SOCKET_PATH_BYTES = 100
"""A unix socket's path has at most 104 bytes on macOS and 108 on Linux (sun_path in sys/un.h), with the final 0."""


@dataclass(frozen=True)
class Home:
    """The data directory. New folders in it get mode 0700; the mode of an existing folder is never changed."""

    folder: Path

    def prepare(self) -> None:
        """Create the missing folders; raise EmbeddedError if the system refuses."""
        with _clear_refusals(self.folder):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for folder in (self.logs, self.raw):
                folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def postgres(self) -> Path:
        """The folder of the PostgreSQL cluster."""
        return self.folder / "postgres"

    @property
    def valkey(self) -> Path:
        """The folder of Valkey's files."""
        return self.folder / "valkey"

    @property
    def raw(self) -> Path:
        """The folder of the raw store."""
        return self.folder / "raw"

    @property
    def logs(self) -> Path:
        """The folder of the logs, one per process."""
        return self.folder / "logs"

    def sockets(self) -> Path:
        """Create and return the folder of the sockets. It has mode 0700 and is always the same for this data directory.

        The folder is in the system's temporary directory if the data directory's path is too long for a socket or has
        a comma, where libpq would split it into several hosts.
        """
        folder = self.folder / "sockets"
        if len(os.fsencode(folder / ".s.PGSQL.5432")) > SOCKET_PATH_BYTES or "," in str(folder):
            digest = hashlib.blake2b(os.fsencode(self.folder.resolve()), digest_size=6).hexdigest()
            name = f"leadminer-{os.geteuid()}-{digest}"
            temporary = Path(tempfile.gettempdir()) / name
            folder = temporary if len(os.fsencode(temporary)) < SOCKET_PATH_BYTES - 20 else Path("/tmp") / name  # noqa: S108
        with _clear_refusals(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            raise EmbeddedError(
                f"Other accounts can access {folder}: remove it, or set LEADMINER_HOME to another folder."
            )
        return folder

    def lock(self, name: str, *, shared: bool = False, wait: bool = False) -> int | None:
        """Take a lock and return the descriptor that holds it until closed; without `wait`, None if it is taken."""
        with _clear_refusals(self.folder / name):
            descriptor = os.open(self.folder / name, os.O_RDWR | os.O_CREAT, 0o600)
        if _locked(descriptor, shared=shared, wait=wait):
            return descriptor
        os.close(descriptor)
        return None

    def owns(self, name: str, descriptor: int) -> bool:
        """Return whether a lock's file is still in the data directory, which someone may have removed or replaced."""
        try:
            return os.path.samestat((self.folder / name).stat(), os.fstat(descriptor))
        except OSError:
            return False

    def held(self, name: str) -> bool:
        """Return whether another process holds the lock exclusively."""
        descriptor = self.lock(name, shared=True)
        if descriptor is None:
            return True
        os.close(descriptor)
        return False

    def publish(self, runtime: Mapping[str, Any]) -> int:
        """Write `runtime.json`, and return the descriptor whose lock marks the file as valid while it is open."""
        fresh = self.folder / "runtime.json.new"
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, json.dumps(runtime).encode())
        _locked(descriptor)
        fresh.rename(self.folder / "runtime.json")
        return descriptor

    def withdraw(self) -> None:
        """Remove `runtime.json`, because the servers are about to stop."""
        (self.folder / "runtime.json").unlink(missing_ok=True)

    def read_runtime(self) -> dict[str, Any] | None:
        """Return what the running keeper published; None if no keeper runs or it is still starting."""
        with suppress(OSError), (self.folder / "runtime.json").open("rb") as file:
            if not _locked(file.fileno(), shared=True):
                runtime: dict[str, Any] = json.load(file)
                return runtime
        return None

    def write_state(self, state: Mapping[str, Any]) -> None:
        """Replace the state of the children: their process ids, and their problems."""
        fresh = self.folder / "state.json.new"
        with suppress(OSError):  # a full disk must not end the keeper
            fresh.write_text(json.dumps(state), "utf-8")
            fresh.rename(self.folder / "state.json")

    def read_state(self) -> dict[str, Any]:
        """Return what `write_state` last wrote: `children` (name to process id) and `trouble` (sentences)."""
        try:
            state: dict[str, Any] = json.loads((self.folder / "state.json").read_text("utf-8"))
        except (OSError, ValueError):
            return {"children": {}, "trouble": []}
        return state


def note(descriptor: int, number: float) -> None:
    """Write a number into a lock's file, for whoever reads it there; a full disk may leave the earlier one."""
    with suppress(OSError):
        os.pwrite(descriptor, f"{number:<20}\n".encode("ascii"), 0)


def noted(descriptor: int) -> tuple[float, int]:
    """Return the number in a lock's file, 0 if there is none, and when it was written, in nanoseconds."""
    try:
        return float(os.pread(descriptor, 100, 0)), os.fstat(descriptor).st_mtime_ns
    except ValueError:
        return 0.0, 0


def _locked(descriptor: int, *, shared: bool = False, wait: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


@contextmanager
def _clear_refusals(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EmbeddedError(
            f"The embedded servers cannot use {path}: {error.strerror}. "
            "Set LEADMINER_HOME to a writable folder on a disk with free space."
        ) from error
