"""`python -m processor` works; with `migrate` it brings both databases up to date and ends, with `migrate-permanent` one."""

import sys

from processor.entry_container import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
