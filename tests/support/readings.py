"""What the domain reads in odd and invented mail, as one word a message: the standard library's alone, for any Python.

`python -m tests.support.readings` prints them; equal lines on two interpreters say that both read the same.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from demo.mailbox import generate_mailbox
from processor.domain.mail.message import read_message

EDGE = Path(__file__).parents[1] / "corpora" / "edge"
INVENTED = 1_000
LATEST = 1 << 40


def messages() -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of each message."""
    for path in sorted(EDGE.glob("*.eml")):
        yield path.stem, path.read_bytes()
    for number, item in enumerate(generate_mailbox(seed=4, messages=INVENTED)):
        yield f"invented {number}", item.body


def readings() -> dict[str, str]:
    """Return a digest of what each message says."""
    return {name: hashlib.sha256(ascii(_read(raw)).encode()).hexdigest()[:16] for name, raw in messages()}


def _read(raw: bytes) -> object:
    return read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)


if __name__ == "__main__":
    json.dump(readings(), sys.stdout)
