"""`python -m processor`: work; `python -m processor migrate`: bring both databases up to date and end."""

import sys

from processor.entry_container import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
