"""The pieces of the local Cloudflare: npm packages at exact versions, and the Python runtime composed from one."""

import hashlib
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from infra.vendored import cache_folder

HERE = Path(__file__).parent
OLDEST_NODE = 20
_MANIFESTS = ("package.json", "package-lock.json")


class PiecesMissing(RuntimeError):
    """Node, npm or a package is missing; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """The paths of the pieces: `packages` holds node_modules, `runtime` the Python runtime for workerd."""

    node: str
    packages: Path
    runtime: Path

    @property
    def wrangler(self) -> Path:
        """Return the path of wrangler's script, to run with Node."""
        return self.packages / "node_modules" / "wrangler" / "bin" / "wrangler.js"


def fetch_pieces() -> Pieces:
    """Return the pieces; fetch them with npm and compose the runtime on the first call; raise PiecesMissing."""
    node, npm = find_node(), shutil.which("npm")
    if npm is None:
        raise PiecesMissing("npm is not installed. Install Node.js 20 or newer, with npm.")
    text = b"".join((HERE / name).read_bytes() for name in (*_MANIFESTS, "compose.mjs"))
    place = cache_folder() / f"workerd-{hashlib.sha256(text).hexdigest()[:16]}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent, prefix=".workerd-") as folder:
            made = Path(folder) / "made"
            _install(node, npm, made)
            publish(made, place)
    return Pieces(node, place, place / "runtime")


def find_node() -> str:
    """Return the path of a Node that is new enough; raise PiecesMissing."""
    node = shutil.which("node")
    if node is None:
        raise PiecesMissing(f"Node.js is not installed. Install version {OLDEST_NODE} or newer.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version.removeprefix("v").partition(".")[0]) < OLDEST_NODE:
        raise PiecesMissing(f"Node.js {version} is too old. Install version {OLDEST_NODE} or newer.")
    return node


def _install(node: str, npm: str, made: Path) -> None:
    made.mkdir()
    for name in _MANIFESTS:
        shutil.copy(HERE / name, made)
    # Not `npm ci`: the lock file lists only the platforms whose packages the registry had when it was created.
    run_tool([npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], made)
    pyodide = made / "node_modules" / "pyodide"
    run_tool([node, str(HERE / "compose.mjs"), str(pyodide), str(made / "runtime")], made)


def publish(made: Path, place: Path) -> None:
    """Move the folder to its final place, unless another run was faster."""
    try:
        made.rename(place)
    except OSError:
        if not place.is_dir():
            raise


def run_tool(command: list[str], folder: Path) -> None:
    """Run a program in a folder; raise PiecesMissing if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PiecesMissing(f"`{' '.join(command)}` failed: {done.stderr.strip()[-1000:]}")
