"""What the domain reads in odd and generated mail, as one digest per message; needs only the standard library.

`python -m tests.support.readings` prints them; two interpreters with equal output read the same.
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
    """Yield each message's name and bytes."""
    for path in sorted(EDGE.glob("*.eml")):
        yield path.stem, path.read_bytes()
    for number, item in enumerate(generate_mailbox(seed=4, messages=INVENTED)):
        yield f"invented {number}", item.body


def readings() -> dict[str, str]:
    """Return a digest of what the domain reads in each message, by name."""
    return {name: hashlib.sha256(ascii(_read(raw)).encode()).hexdigest()[:16] for name, raw in messages()}


def _read(raw: bytes) -> object:
    return read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)


if __name__ == "__main__":
    json.dump(readings(), sys.stdout)
