"""How the Worker runs: what wrangler, Pulumi and the local harness must agree on."""

COMPATIBILITY_DATE = "2026-11-17"
"""The runtime's behaviour is that of this day (Pyodide 314.0, Python 3.14); moved deliberately, with the harness."""
COMPATIBILITY_FLAGS = ("python_workers",)

BUCKET, DATABASE, QUEUE = "CLOUDFLARE_R2_BUCKET", "CLOUDFLARE_D1_DATABASE", "CLOUDFLARE_QUEUES"
"""The bindings, named as the settings are."""

BATCH_JOBS = 10
"""Jobs a batch, done one after another: a whole batch stays far below the 15 minutes of a consumer."""
BATCH_WAIT_SECONDS = 1
MAX_RETRIES = 100
"""The most that Queues allows (limits page, 2026-11): a job that only waits for a database must outlast its absence."""
CPU_MS = 300_000
"""The most that Workers allow an invocation (limits page, 2026-11)."""

RETRY_DELAY_SECONDS = 5
"""Before a job is tried again, where its verdict does not say otherwise."""
MAX_CONCURRENCY = 4
"""Consumers at once: D1 answers one query at a time, so that more of them only wait for each other."""
DEAD_BATCH_JOBS = 10
RETENTION_SECONDS = 4 * 86_400
"""How long a queue keeps a job that nobody took: the sweep sends lost ones again, so no longer is needed."""
CRON = "*/5 * * * *"
"""When the sweep looks for minings that stand still."""
LONG_STOP_SECONDS = 30 * 86_400
"""After which the bucket drops an object that nobody deleted: a mining's own end deletes it long before."""
