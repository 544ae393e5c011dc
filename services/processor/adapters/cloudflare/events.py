"""The Worker's log: one line of JSON an event, of words and numbers alone; never mail, addresses or credentials."""

import json
import sys


def log_event(event: str, **fields: str | int | float | None) -> None:
    """Write one event to standard output, where the platform's logs take it from."""
    sys.stdout.write(json.dumps({"event": event, **fields}, separators=(",", ":")) + "\n")
