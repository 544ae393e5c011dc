"""Which build of leadminer is installed, so that a command never uses servers that another build started."""

import hashlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("fetcher", "processor", "schemas")


def build_digest() -> str:
    """Return a digest of our packages' places, names, sizes and times: any other installation or edit changes it.

    A version number would not do: a checkout has the same one before and after an edit. Reading it also takes longer.
    """
    digest = hashlib.blake2b(digest_size=8)
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in spec.submodule_search_locations or () if spec else ():
            for line in sorted(_files(Path(folder))):
                digest.update(line)
    return digest.hexdigest()


def _files(folder: Path) -> Iterator[bytes]:
    for path in folder.iterdir():
        if path.is_dir():
            yield from () if path.name == "__pycache__" else _files(path)
        else:
            try:
                found = path.stat()
            except FileNotFoundError:  # removed in the meantime, by an editor or an installation
                continue
            yield f"{path}\0{found.st_size}\0{found.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
