"""`python -m demo [--serve]`: see `demo.run`."""

import sys

from demo.run import run_demo

sys.exit(run_demo(serve="--serve" in sys.argv[1:]))
