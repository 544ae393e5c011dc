"""How the Worker runs: the constants that wrangler, Pulumi and the local harness must share."""

COMPATIBILITY_DATE = "2026-11-17"
"""The runtime behaves as on this day (Pyodide 314.0, Python 3.14). Change it deliberately, with the harness."""
COMPATIBILITY_FLAGS = ("python_workers",)

BUCKET, DATABASE, QUEUE = "CLOUDFLARE_R2_BUCKET", "CLOUDFLARE_D1_DATABASE", "CLOUDFLARE_QUEUES"
"""The bindings, named like the settings."""

BATCH_JOBS = 10
"""Jobs per batch, done one after another: a whole batch stays far below a consumer's limit of 15 minutes."""
BATCH_WAIT_SECONDS = 1
MAX_RETRIES = 100
"""The most that Queues allow (limits page, 2026-11): a job that waits for a database must outlast its downtime."""
CPU_MS = 300_000
"""The most that Workers allow per invocation (limits page, 2026-11)."""

RETRY_DELAY_SECONDS = 5
"""The wait before a job is tried again, unless its verdict says otherwise."""
MAX_CONCURRENCY = 4
"""Consumers at once. D1 answers one query at a time, so more consumers would only wait for each other."""
DEAD_BATCH_JOBS = 10
RETENTION_SECONDS = 4 * 86_400
"""How long a queue keeps an unread job. The sweep sends lost jobs again, so this is long enough."""
CRON = "*/5 * * * *"
"""When the sweep looks for stuck minings."""
LONG_STOP_SECONDS = 30 * 86_400
"""After this time the bucket deletes an object by itself. Normally the mining's teardown does so long before."""
