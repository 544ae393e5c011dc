"""A copy of the project in which to run Pulumi, because Pulumi writes to the stacks' files."""

import shutil
import subprocess
from pathlib import Path

from tests.support.pulumi.engine import CHECKOUT


def copy_project(target: Path) -> Path:
    """Copy the checkout in its current state, without ignored files and the edge messages; return the copy."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (CHECKOUT / name).is_file() and not name.startswith("tests/corpora/edge/"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, target / name)
    return target
