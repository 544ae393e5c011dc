"""The Cloudflare mode on a local machine, started by the documented command."""

import re
import subprocess
import sys

from tests.support.cloudflare.deployment import CHECKOUT
from tests.support.cloudflare.packages import Pieces


def test_it_starts_everything_mines_twice_and_lists_what_is_left(pieces: Pieces) -> None:
    """Both ledgers balance, the second mining fetches nothing, and in the end only keys and watermarks are left."""
    command = [sys.executable, "-m", "tests.support.cloudflare"]

    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    mined, _, again = done.stdout.partition("$ leadminer contacts")
    assert mined.count("balances") == 2
    assert "Nothing new since" in again
    assert "Left in R2: 0 objects." in again
    left = dict(re.findall(r"(\w+) ([\d,]+)(?=[,.])", again.partition("Left in D1: ")[2]))
    assert {table for table, number in left.items() if number != "0"} == {"messages", "users", "watermarks"}
