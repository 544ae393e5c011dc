"""npm packages of exact versions, fetched once into the cache."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from infra.vendored import cache_folder
from tests.support.cloudflare.packages import PiecesMissing, find_node, publish, run_tool

BROWSER = Path(__file__).parent / "browser"
"""The packages of the pages and of their tests: htmx and axe-core."""
_MANIFESTS = ("package.json", "package-lock.json")


def fetch_packages(folder: Path, name: str) -> Path:
    """Return node_modules with what a folder's lock file names; `name` is the cache's. Raises PiecesMissing."""
    find_node()
    npm = shutil.which("npm")
    if npm is None:
        raise PiecesMissing("npm is not installed. Install Node.js 20 or newer, with npm.")
    version = hashlib.sha256(b"".join((folder / each).read_bytes() for each in _MANIFESTS)).hexdigest()[:16]
    place = cache_folder() / f"{name}-{version}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{name}-") as made_in:
            made = Path(made_in) / "made"
            made.mkdir()
            for each in _MANIFESTS:
                shutil.copy(folder / each, made)
            run_tool([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], made)
            publish(made, place)
    return place / "node_modules"


def fetch_browser_packages() -> Path:
    """Return node_modules with htmx and axe-core; raise PiecesMissing."""
    return fetch_packages(BROWSER, "browser")
