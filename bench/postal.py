"""npm's `postal-mime`, fetched once into the cache, and run by Node over many messages at once."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TypedDict

from infra.vendored import cache_folder
from tests.support.cloudflare.packages import PiecesMissing, find_node, publish, run_tool

HERE: Final = Path(__file__).parent / "postal_mime"
_MANIFESTS: Final = ("package.json", "package-lock.json")


class PostalUnavailable(RuntimeError):
    """Node, npm or the package is missing; the text says what to do."""


class PostalReading(TypedDict):
    """What postal-mime reads in one message: the addresses in its address fields as written, and its decoded texts."""

    addresses: list[str]
    texts: list[str]
    htmls: list[str]


def read_all(messages: Sequence[bytes]) -> list[PostalReading]:
    """Read the messages in one run of Node; raise PostalUnavailable."""
    try:
        node, packages = find_node(), _fetch_package()
    except PiecesMissing as error:
        raise PostalUnavailable(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="lm-postal-") as name:
        for number, raw in enumerate(messages):
            (Path(name) / f"{number:06}.eml").write_bytes(raw)
        command = [node, str(HERE / "read.mjs"), str(packages), name]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode:
        raise PostalUnavailable(f"`{' '.join(command)}` failed: {done.stderr.strip()[-1000:]}")
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def _fetch_package() -> Path:
    """Return the folder whose node_modules has the package; fetch it with npm on the first call."""
    npm = shutil.which("npm")
    if npm is None:
        raise PiecesMissing("npm is not installed. Install Node.js 20 or newer, with npm.")
    version = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in _MANIFESTS)).hexdigest()[:16]
    place = cache_folder() / f"postal-mime-{version}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".postal-mime-") as folder:
            made = Path(folder) / "made"
            made.mkdir()
            for name in _MANIFESTS:
                shutil.copy(HERE / name, made)
            run_tool([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], made)
            publish(made, place)
    return place
