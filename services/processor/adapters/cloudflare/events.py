"""The Worker's log: one line of JSON per event, with words and numbers only; never mail, addresses or credentials."""

import json
import sys


def log_event(event: str, **fields: str | int | float | None) -> None:
    """Write one event to standard output, from which the platform collects its logs."""
    sys.stdout.write(json.dumps({"event": event, **fields}, separators=(",", ":")) + "\n")
