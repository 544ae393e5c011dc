"""`python -m processor` runs the processor.

With `migrate` it only brings both databases up to date, with `migrate-permanent` only the permanent one.
"""

import sys

from processor.entry_container import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
