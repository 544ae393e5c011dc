"""The Worker's PyPI packages: installed into the cache at build time, pinned by hash."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_INSTALLERS_OWN = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
"""Files about how a package was installed. They differ between machines, and the Worker does not read them."""


class VendoringFailed(RuntimeError):
    """The packages could not be installed; the text has uv's reason."""


def cache_folder() -> Path:
    """Return the folder for builds: `leadminer-build` in XDG_CACHE_HOME or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "leadminer-build"


def vendor(lock: Path) -> Path:
    """Return the folder `python_modules` with the locked packages, installed only once; raise VendoringFailed."""
    version = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    place = cache_folder() / f"worker-{version}"
    modules = place / "python_modules"
    if modules.is_dir():
        return modules
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".worker-") as made:
        _install(lock, Path(made) / "python_modules")
        _publish(Path(made), place)
    return modules


def _install(lock: Path, target: Path) -> None:
    command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--only-binary", ":all:", "--python", sys.executable, "--target", str(target), "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise VendoringFailed(f"Could not install the packages of {lock.name}: {done.stderr.strip()}")
    for path in [*target.rglob("*.dist-info/*"), target / ".lock"]:
        if path.name in (*_INSTALLERS_OWN, ".lock"):
            path.unlink(missing_ok=True)
    for folder in list(target.rglob("__pycache__")):
        shutil.rmtree(folder)


def _publish(made: Path, place: Path) -> None:
    """Move the folder to its place, unless another build was faster."""
    place.mkdir(exist_ok=True)
    try:
        (made / "python_modules").rename(place / "python_modules")
    except OSError:
        if not (place / "python_modules").is_dir():
            raise
