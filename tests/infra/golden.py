"""`python -m tests.infra.golden`: write what the stacks declare now, for review as a diff."""

import json
from pathlib import Path

from tests.support.stacks import STACKS, declared

FOLDER = Path(__file__).parent / "golden"


def main() -> None:
    """Write each stack's graph."""
    FOLDER.mkdir(exist_ok=True)
    for stack in STACKS:
        text = json.dumps(declared(stack).golden, indent=2, sort_keys=True)
        (FOLDER / f"{stack}.json").write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    main()
