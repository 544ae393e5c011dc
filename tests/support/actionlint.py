"""actionlint, a Go program: built once at an exact version and kept in the cache."""

import os
import shutil
import subprocess
from pathlib import Path

from infra.vendored import cache_folder

VERSION = "v1.7.12"


class LinterMissing(RuntimeError):
    """actionlint could not be built; the text says what to do."""


def build_actionlint() -> Path:
    """Return the program's path, and build it on the first call; raise LinterMissing."""
    place = cache_folder() / f"actionlint-{VERSION}"
    program = place / "actionlint"
    if program.exists():
        return program
    go = shutil.which("go")
    if go is None:
        raise LinterMissing("Go is not installed. Install Go 1.24 or newer.")
    command = [go, "install", f"github.com/rhysd/actionlint/cmd/actionlint@{VERSION}"]
    # Go moves the finished program there in one step, so simultaneous builds do not collide.
    environ = {**os.environ, "GOBIN": str(place), "GOFLAGS": "-buildvcs=false"}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    if done.returncode or not program.exists():
        raise LinterMissing(f"actionlint could not be built: {done.stderr.strip()[-500:]}")
    return program
