"""`python -m processor`: work. With `migrate`: bring both databases up to date; `migrate-permanent`: the one alone."""

import sys

from processor.entry_container import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
