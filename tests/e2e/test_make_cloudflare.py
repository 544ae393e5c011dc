"""The Cloudflare mode on one's own machine, by the command that the documents name."""

import re
import subprocess
import sys

from tests.support.cloudflare.deployment import CHECKOUT
from tests.support.cloudflare.packages import Pieces


def test_it_starts_everything_mines_twice_and_lists_what_is_left(pieces: Pieces) -> None:
    """Both ledgers balance, the second mining is sent nothing, and the end shows keys and watermarks alone."""
    command = [sys.executable, "-m", "tests.support.cloudflare"]

    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=300, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    mined, _, again = done.stdout.partition("$ leadminer contacts")
    assert mined.count("balances") == 4  # as it ends, and as it is reported
    assert "listed  0 = fetched 0" in again
    assert "Left in R2: 0 objects." in again
    left = dict(re.findall(r"(\w+) ([\d,]+)(?=[,.])", again.partition("Left in D1: ")[2]))
    assert {table for table, number in left.items() if number != "0"} == {"messages", "users", "watermarks"}
