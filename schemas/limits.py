"""Published limits of the platforms, with source and date; a fake that is kinder than these is a bug.

Sources: Cloudflare's pages on the limits of Queues, D1, R2 and Workers, as read in 2026-11.
"""

QUEUE_MESSAGE_BYTES = 128_000
"""A queue message, its ~100 bytes of metadata included (developers.cloudflare.com/queues/platform/limits)."""
QUEUE_BATCH_MESSAGES = 100
"""Messages a sendBatch or a consumer's batch (same)."""
QUEUE_BATCH_BYTES = 256_000
"""Bytes a sendBatch (same)."""
D1_ROW_BYTES = 2_000_000
"""A row, a string or a BLOB (developers.cloudflare.com/d1/platform/limits)."""
D1_PARAMETERS = 100
"""Bound parameters a statement (same)."""
D1_STATEMENT_BYTES = 100_000
"""The text of a statement (same)."""
D1_QUERIES = 1_000
"""Statements an invocation of a Worker (same)."""
R2_KEY_BYTES = 1_024
"""An object's key (developers.cloudflare.com/r2/platform/limits)."""
WORKER_MEMORY_BYTES = 128 * 1024 * 1024
"""An isolate, interleaved invocations together (developers.cloudflare.com/workers/platform/limits)."""
WORKER_CONNECTIONS = 6
"""Open connections an invocation (same)."""

MAX_ROW_BYTES = 1_000_000
"""Our own bound on a packed row: half of what D1 takes."""
