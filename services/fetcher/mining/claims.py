"""Locks that let only one `leadminer` on this machine read a source at a time, without a wait after one was killed."""

import fcntl
import hashlib
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fetcher.ports import Conflict


@contextmanager
def claim_source(folder: Path, *, user: str, source: str) -> Iterator[str]:
    """Yield the name under which this fetcher holds the mining's lease.

    Raises Conflict if another fetcher on this machine is reading the source. The name stays the same from run to run,
    so the processor can return the lease of a killed fetcher without waiting for it to expire. A file lock, which the
    system releases when its process ends, keeps two live fetchers apart. If the folder is not writable, each run uses a
    new name, and a killed fetcher's lease must expire first.
    """
    try:
        folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder / f"{_digest(user, source)}.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        yield f"{socket.gethostname()}:{secrets.token_hex(8)}"
        return
    try:
        yield _hold(descriptor, source)
    finally:
        os.close(descriptor)


def _hold(descriptor: int, source: str) -> str:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(f"Another leadminer on this machine is reading {source}: wait until it ends.") from None
    name = os.pread(descriptor, 200, 0).decode("ascii", "replace")
    if not name:
        name = f"{socket.gethostname()}:{secrets.token_hex(8)}"
        os.pwrite(descriptor, name.encode("ascii", "replace"), 0)
    return name


def _digest(user: str, source: str) -> str:
    return hashlib.blake2b(f"{user}\0{source}".encode(), digest_size=8).hexdigest()
