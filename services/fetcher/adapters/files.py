"""The raw store as a directory: one file per object, either complete or absent."""

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from fetcher.ports import Denied, Invalid, LimitExceeded, NotFound, Unavailable

TEMPORARY = ".part-"
"""Prefix of unfinished files. No part of a key starts with a dot, so it can't clash with a key."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class FileRawStore:
    """Objects as files below one folder. Files have mode 0600 and folders 0700, so only the owner can read raw mail.

    An object is written to a temporary file in its folder and synced. The file is then renamed (or hard-linked, if it
    must not exist yet) and the folder is synced. After a crash, the object is either complete or absent.
    """

    def __init__(self, root: Path) -> None:
        """Use the folder `root`, which `put` creates if it is missing."""
        self._root = root

    def put(self, key: str, data: bytes, *, if_absent: bool = False) -> bool:
        """Store an object durably. With `if_absent`, return False and change nothing if the object exists.

        Raises NotFound if the folder is removed during the call: the mining has ended.
        """
        path = self._path(key)
        with self._translated(key):
            self._make_folder(path.parent)
            temporary = path.parent / f"{TEMPORARY}{secrets.token_hex(8)}"
            try:
                _write_synced(temporary, data)
                stored = _publish(temporary, path, if_absent)
            finally:
                with suppress(FileNotFoundError):
                    temporary.unlink()
            _sync_folder(path.parent)
        return stored

    def get(self, key: str) -> bytes:
        """Return an object; raise NotFound."""
        with self._translated(key):
            return self._path(key).read_bytes()

    def head(self, key: str, *, length: int) -> bytes:
        """Return the first `length` bytes of an object, or all of it if it is shorter; raise NotFound."""
        with self._translated(key), self._path(key).open("rb") as file:
            return file.read(length)

    def list(self, prefix: str) -> Iterator[str]:
        """Yield the keys of complete objects that start with `prefix`, sorted by name."""
        top, _, _ = prefix.rpartition("/")
        folder = self._path(top) if top else self._root
        with self._translated():
            for path in _files(folder):
                key = path.relative_to(self._root).as_posix()
                if key.startswith(prefix):
                    yield key

    def _path(self, key: str) -> Path:
        pieces = PurePosixPath(key).parts
        if not pieces or "/".join(pieces) != key or any(piece.startswith(".") or "\0" in piece for piece in pieces):
            raise Invalid("A raw store key must consist of parts joined by /, and no part may start with a dot.")
        return self._root.joinpath(*pieces)

    def _make_folder(self, folder: Path) -> None:
        """Create a folder and its parents, and sync every parent that got a new entry."""
        missing = []
        while not folder.is_dir():
            missing.append(folder)
            folder = folder.parent
        for new in reversed(missing):
            new.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(new.parent)

    @contextmanager
    def _translated(self, key: str = "") -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise NotFound(f"The raw store {self._root} has no object {key}.") from None
        except OSError as error:
            raise self._trouble(error) from None

    def _trouble(self, error: OSError) -> Exception:
        if error.errno in FULL:
            return LimitExceeded(
                f"The disk of the raw store {self._root} is full: free some space and start again. Nothing is lost."
            )
        if error.errno in FORBIDDEN:
            return Denied(f"The raw store {self._root} is not accessible: give this user read and write permission.")
        reason = os.strerror(error.errno) if error.errno else "unknown error"
        return Unavailable(f"The raw store {self._root} is not available ({reason}): check the disk and start again.")


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor has no path
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]
        os.fsync(file.fileno())


def _publish(temporary: Path, path: Path, if_absent: bool) -> bool:
    if not if_absent:
        temporary.replace(path)
        return True
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(folder: Path) -> Iterator[Path]:
    """Yield the complete files below a folder; another process may delete files at the same time."""
    try:
        entries = sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.is_file():
            yield entry
