"""Every supported Python reads the same: a system's own Python is seldom the one that we develop on."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.support.fixtures import require
from tests.support.readings import readings

ROOT = Path(__file__).parents[5]
NAMES = ("/usr/bin/python3", "python3.11", "python3.12", "python3.13", "python3.14")
PROBE = "import sys; assert sys.version_info >= (3, 11); print(sys.version_info[:3], end='')"
POSSESSIVE_GROUP = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+")


def find_pythons() -> Iterator[str]:
    """Yield one interpreter of each installed version that is new enough."""
    seen = set()
    for name in NAMES:
        if found := shutil.which(name):
            done = subprocess.run([found, "-c", PROBE], capture_output=True, text=True, check=False)
            if done.returncode == 0 and done.stdout not in seen:
                seen.add(done.stdout)
                yield found


def test_other_pythons_read_the_same() -> None:
    """Every Python reads odd and invented mail the same way, despite differences in its `re` and codecs."""
    pythons = list(find_pythons())
    require(bool(pythons), f"no Python 3.11 or newer among {', '.join(NAMES)}")
    ours = readings()

    for python in pythons:
        done = subprocess.run(
            [python, "-m", "tests.support.readings"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "services"), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
        theirs = json.loads(done.stdout)
        assert {name for name in ours if ours[name] != theirs[name]} == set(), python


def test_no_group_is_repeated_possessively() -> None:
    """No pattern repeats a group possessively.

    Up to Python 3.11.4, and Debian 12 has 3.11.2, it matches too little (CPython issue 106052). An atomic group around
    a plain repetition, `(?>(?:…)*)`, means the same in every version.
    """
    sources = {path.name: path.read_text("utf-8") for path in (ROOT / "services").rglob("*.py")}

    assert {name: found for name, source in sources.items() if (found := POSSESSIVE_GROUP.findall(source))} == {}
    assert sources
