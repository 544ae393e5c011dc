"""What Cloudflare refuses beyond the checks of the local runtime: one sentence, or "" for what it takes.

Used by the bindings in memory and, inside the Worker, by the metered bindings; standard library and `schemas` only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.limits import (
    D1_RESULT_BYTES,
    D1_ROW_BYTES,
    QUEUE_BATCH_BYTES,
    QUEUE_BATCH_MESSAGES,
    QUEUE_DELAY_SECONDS,
    QUEUE_MESSAGE_BYTES,
)

METADATA_BYTES = 100
"""What a queue adds to each message; it counts toward the limits."""
TOO_MANY_QUERIES = "D1_ERROR: Too many API requests by single worker invocation."
FULL = "D1_ERROR: Exceeded maximum DB size."
TOO_LATE = "D1_ERROR: D1 DB storage operation exceeded timeout which caused object to be reset."
"""D1's texts (developers.cloudflare.com/d1/observability/debug-d1, 2026-11)."""


def refuse_messages(messages: Sequence[Mapping[str, Any]]) -> str:
    """Say why a queue does not take these messages in one call."""
    sizes = [len(message["body"].encode()) + METADATA_BYTES for message in messages]
    if not 1 <= len(messages) <= QUEUE_BATCH_MESSAGES:
        return f"Queue sendBatch failed: 1 to {QUEUE_BATCH_MESSAGES} messages"
    if max(sizes) > QUEUE_MESSAGE_BYTES or sum(sizes) > QUEUE_BATCH_BYTES:
        return "Queue sendBatch failed: Payload Too Large"
    if not all(0 <= int(message.get("delaySeconds", 0)) <= QUEUE_DELAY_SECONDS for message in messages):
        return "Queue sendBatch failed: the delay is out of range"
    return ""


def refuse_value(value: Any) -> str:
    """Say why D1 does not bind this value."""
    if isinstance(value, str) and len(value) * 4 > D1_ROW_BYTES and len(value.encode()) > D1_ROW_BYTES:
        return "D1_ERROR: string or blob too big: SQLITE_TOOBIG"
    return ""


def refuse_result(rows: Sequence[Mapping[str, Any]], *, most: int = D1_RESULT_BYTES) -> str:
    """Say why D1 does not return these rows of one statement."""
    return "D1_ERROR: The result is larger than D1 returns." if size_of(rows) > most else ""


def size_of(value: Any) -> int:
    """Return about how many bytes JavaScript needs for a value; 0 for an object whose content is not read."""
    if isinstance(value, str):
        return len(value) if value.isascii() else 2 * len(value)
    if isinstance(value, Mapping):
        return sum(map(size_of, value.values()))
    if isinstance(value, list | tuple):
        return sum(map(size_of, value))
    return len(value) if isinstance(value, bytes | bytearray | memoryview) else 0
