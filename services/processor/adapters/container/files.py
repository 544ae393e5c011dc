"""The raw store as a directory, which the fetcher writes and the processor reads and deletes."""

import asyncio
import builtins
import errno
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import islice
from pathlib import Path, PurePosixPath

from processor.ports import NotFound, Unavailable
from schemas.segments import is_mining

_TEMPORARY = "."
"""The names of the fetcher's unfinished files start with a dot. They are not objects."""
_LISTED_AT_ONCE = 1_000
"""Keys per visit to the thread that reads the directory, so that a long list is never in memory as a whole."""


class FileStore:
    """Objects as files under a folder. Each operation waits for the disk in a thread of its own."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def get(self, key: str) -> bytes:
        """Return an object's bytes; raise NotFound, or Unavailable if the disk fails."""
        return await asyncio.to_thread(self._get, key)

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys under a folder (`prefix` ends with a slash), or those of all minings if `prefix` is empty."""
        keys = self._keys(prefix)
        while some := await asyncio.to_thread(self._next, keys):
            for key in some:
                yield key

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete these objects, the files that a killed fetcher left beside them, and folders that become empty."""
        await asyncio.to_thread(self._delete, keys)

    def _get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            self._look_at_root()
            raise NotFound(key) from error
        except OSError as error:
            raise Unavailable(f"the raw store cannot be read: {_word(error)}") from error

    def _keys(self, prefix: str) -> Iterator[str]:
        self._look_at_root()
        for folder in [self._path(prefix)] if prefix else self._minings():
            yield from (path.relative_to(self._root).as_posix() for path in _objects(folder))

    def _next(self, keys: Iterator[str]) -> builtins.list[str]:
        try:
            return [*islice(keys, _LISTED_AT_ONCE)]
        except OSError as error:
            raise Unavailable(f"the raw store cannot be read: {_word(error)}") from error

    def _delete(self, keys: Sequence[str]) -> None:
        try:
            folders = set()
            for key in keys:
                path = self._path(key)
                path.unlink(missing_ok=True)
                folders.add(path.parent)
            for folder in sorted(folders, key=lambda path: len(path.parts), reverse=True):
                self._prune(folder)
        except OSError as error:
            raise Unavailable(f"the raw store cannot be written: {_word(error)}") from error

    def _look_at_root(self) -> None:
        # Without this check, an unmounted volume would make all its segments dead, although nothing is lost.
        if not self._root.is_dir():
            raise Unavailable("the raw store's folder does not exist")

    def _minings(self) -> Iterator[Path]:
        # Skip the file system's own folders: `lost+found` is unreadable and must not stop the sweep.
        return (folder for folder in self._root.iterdir() if is_mining(folder.name))

    def _prune(self, folder: Path) -> None:
        while folder != self._root and not any(_objects(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            folder = folder.parent

    def _path(self, key: str) -> Path:
        pieces = PurePosixPath(key).parts
        if not pieces or key.startswith("/") or any(piece.startswith(".") for piece in pieces):
            raise NotFound(key)
        return self._root.joinpath(*pieces)


def _objects(folder: Path) -> Iterator[Path]:
    """Yield the finished files under a folder. Others can delete files at the same time."""
    for place, _, names in os.walk(folder, onerror=_raise_but_missing):
        yield from (Path(place, name) for name in names if not name.startswith(_TEMPORARY))


def _raise_but_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _word(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown")
