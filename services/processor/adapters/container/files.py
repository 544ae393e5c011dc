"""The raw store as a directory: what the fetcher wrote there, read and removed."""

import errno
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path, PurePosixPath

from processor.ports import NotFound, Unavailable
from schemas.segments import is_mining

_TEMPORARY = "."
"""The fetcher's unfinished files begin with a dot; they are no objects."""


class FileStore:
    """Objects as files below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def get(self, key: str) -> bytes:
        """Return an object's bytes; raise NotFound, or Unavailable where the disk fails."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
            self._look_at_root()
            raise NotFound(key) from error
        except OSError as error:
            raise Unavailable(f"the raw store cannot be read: {_word(error)}") from error

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Yield the keys below a folder (`prefix` ends with a slash), or, where it is empty, those of all minings."""
        self._look_at_root()
        try:
            for folder in [self._path(prefix)] if prefix else self._minings():
                for path in _objects(folder):
                    yield path.relative_to(self._root).as_posix()
        except OSError as error:
            raise Unavailable(f"the raw store cannot be read: {_word(error)}") from error

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove these objects, what a killed fetcher left beside them, and folders that become empty."""
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
        # A volume that is not mounted has lost nothing: without this its segments would all be dead.
        if not self._root.is_dir():
            raise Unavailable("the raw store's folder is not there")

    def _minings(self) -> Iterator[Path]:
        # A disk's own folder may be nobody's to read: `lost+found` must not keep the sweep from its work.
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
    """Yield the whole files below a folder, while others may be removing some."""
    for place, _, names in os.walk(folder, onerror=_raise_but_missing):
        yield from (Path(place, name) for name in names if not name.startswith(_TEMPORARY))


def _raise_but_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _word(error: OSError) -> str:
    return errno.errorcode.get(error.errno or 0, "unknown")
