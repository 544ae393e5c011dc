"""`python -m demo`: see `demo.run`."""

import sys

from demo.run import run_demo

sys.exit(run_demo())
