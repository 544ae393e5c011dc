"""Published limits of the platforms, with source and date. A fake that allows more is a bug.

Sources: Cloudflare's pages on the limits of Queues, D1, R2 and Workers, read in 2026-11.
"""

QUEUE_MESSAGE_BYTES = 128_000
"""One queue message, including about 100 bytes of metadata (developers.cloudflare.com/queues/platform/limits)."""
QUEUE_BATCH_MESSAGES = 100
"""Messages per sendBatch and per consumer batch (same page)."""
QUEUE_BATCH_BYTES = 256_000
"""Bytes per sendBatch (same page)."""
QUEUE_DELAY_SECONDS = 86_400
"""The longest delay of a message, sent or retried (same page)."""
D1_DATABASE_BYTES = 10_000_000_000
"""One database on a paid plan; its file never shrinks (developers.cloudflare.com/d1/platform/limits)."""
D1_RESULT_BYTES = 50_000_000
"""The rows that one statement returns (same page)."""
D1_QUERY_SECONDS = 30
"""One statement, or one batch as a whole (same page)."""
D1_ROW_BYTES = 2_000_000
"""One row, string or BLOB (same page)."""
D1_PARAMETERS = 100
"""Bound parameters per statement (same page)."""
D1_STATEMENT_BYTES = 100_000
"""The text of one statement (same page)."""
D1_QUERIES = 1_000
"""Statements per invocation of a Worker (same page)."""
R2_KEY_BYTES = 1_024
"""One object key (developers.cloudflare.com/r2/platform/limits)."""
WORKER_MEMORY_BYTES = 128 * 1024 * 1024
"""One isolate, all its interleaved invocations together (developers.cloudflare.com/workers/platform/limits)."""
WORKER_CONNECTIONS = 6
"""Open connections per invocation (same page)."""

SUPABASE_STATEMENT_SECONDS = 8
"""One call of a function through PostgREST: the login role's statement timeout, which `service_role` has too unless it
is given its own (supabase.com/docs/guides/database/postgres/timeouts, 2026-11)."""

MAX_ROW_BYTES = 1_000_000
"""Our own limit for a packed row: half of what D1 accepts."""
