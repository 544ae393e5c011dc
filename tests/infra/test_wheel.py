"""The package holds what the program reads beside its code."""

import subprocess
import sys
import zipfile
from pathlib import Path

from tests.unit.docs.pages import CHECKOUT

CODE = {".py", ".pyc"}


def test_the_wheel_has_every_file_that_is_not_code(tmp_path: Path) -> None:
    """Templates, static files, SQL and tables are in the wheel, which is what the images install."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")

    packed = set(zipfile.ZipFile(wheel).namelist())

    kept = subprocess.run(["git", "ls-files", "schemas", "services"], cwd=CHECKOUT, capture_output=True, text=True)
    wanted = {
        name.removeprefix("services/")
        for name in kept.stdout.splitlines()
        if Path(name).suffix not in CODE and name != "services/Dockerfile"
    }
    assert "fetcher/service/templates/contact.html" in wanted
    assert "fetcher/service/static/htmx.min.js" in wanted
    assert wanted <= packed
