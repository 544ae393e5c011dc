"""What a processor tells Prometheus: observed at its ports, so that the code between them knows nothing of it."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from processor.adapters.container.pool import ERRORS, Pool, translate
from processor.adapters.container.postgres import PostgresMiningStore
from processor.adapters.container.redis import RedisJobQueue
from processor.minings.statements import load_statements
from processor.ports import ContactStore, Statement, Unavailable
from schemas.ledger import Ledger

STATES = load_statements(Path(__file__).with_name("metrics.sql"))["minings_by_state"]
ENDINGS = {"finish_mining": "finished", "fail_mining": "failed"}
"""The functions of the permanent side that end a mining with its ledger."""
BATCH_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
DUMP_NAME = "%Y-%m-%dT%H-%M-%SZ"
"""How the backup's container names a dump, by its time."""
Measure = Callable[[], Awaitable[None]]


class Metrics:
    """The metrics of one processor, in a registry of its own. None has a user in a label."""

    def __init__(self) -> None:
        """Start at zero."""
        registry = CollectorRegistry()
        self.registry = registry
        self.messages = Counter(
            "leadminer_messages",
            "Messages of ended minings, by column of the ledger",
            ["outcome"],
            registry=registry,
        )
        self.ended = Counter("leadminer_minings_ended", "Minings that ended here", ["state"], registry=registry)
        for state in ENDINGS.values():
            self.ended.labels(state)  # from zero on: Prometheus cannot see the increase to a first value
        self.imbalances = Counter(
            "leadminer_ledger_imbalances", "Ended minings whose ledger does not balance", registry=registry
        )
        self.batches = Histogram(
            "leadminer_batch_seconds",
            "Batches on the temporary tables",
            buckets=BATCH_SECONDS,
            registry=registry,
        )
        self.minings = Gauge("leadminer_minings", "Unfinished minings", ["state"], registry=registry)
        self.jobs = Gauge("leadminer_queue_jobs", "Jobs that are queued or in progress", registry=registry)
        self.oldest = Gauge("leadminer_queue_oldest_seconds", "The age of the oldest of these jobs", registry=registry)
        self.dead = Gauge("leadminer_dead_letters", "Jobs that were given up and are kept", registry=registry)
        self.up = Gauge("leadminer_up", "Whether what a processor needs answers", ["part"], registry=registry)
        self.backup = Gauge("leadminer_backup_age_seconds", "The age of the newest dump", registry=registry)
        self.backup.set(float("nan"))  # unknown, if nobody said where the dumps are

    def count_ending(self, state: str, ledger: Ledger) -> None:
        """Count an ended mining and its messages."""
        self.ended.labels(state).inc()
        self.imbalances.inc(bool(ledger.imbalance()))
        outcomes = {
            "processed": ledger.processed,
            "duplicate": ledger.duplicate,
            "skipped": sum(ledger.skipped.values()),
            "failed": sum(ledger.failed.values()),
            "dead": sum(ledger.dead.values()),
        }
        for outcome, messages in outcomes.items():
            self.messages.labels(outcome).inc(messages)


class MeasuredMiningStore(PostgresMiningStore):
    """`MiningStore` whose batches are timed."""

    def __init__(self, pool: Pool, metrics: Metrics) -> None:
        super().__init__(pool)
        self._batches = metrics.batches

    async def batch(self, statements: Sequence[Statement]) -> None:
        """Run all statements in one transaction and one round trip; raise Conflict if a guard does not hold."""
        with self._batches.time():
            await super().batch(statements)


class MeasuredContactStore:
    """`ContactStore` that counts the minings that it ends, but not those that were erased or had ended otherwise."""

    def __init__(self, store: ContactStore, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    async def call(self, function: str, **arguments: Any) -> Any:
        """Run one function in its own transaction and return its result."""
        result = await self._store.call(function, **arguments)
        ledger = arguments.get("ledger")
        if function in ENDINGS and isinstance(ledger, Mapping) and result == {"state": ENDINGS[function]}:
            self._metrics.count_ending(ENDINGS[function], Ledger.from_json(ledger))
        return result


class Exposition:
    """Measures what is measured only when somebody asks, and writes all metrics as Prometheus reads them."""

    def __init__(self, metrics: Metrics, *, queue: RedisJobQueue, pool: Pool, backups: Path | None) -> None:
        """Ask the queue, the temporary database, and the folder of the dumps if there is one."""
        self._metrics = metrics
        self._queue = queue
        self._pool = pool
        self._backups = backups

    async def render(self) -> bytes:
        """Return all metrics."""
        await self._try("queue", self._measure_queue)
        await self._try("database", self._measure_minings)
        if self._backups is not None:
            self._metrics.backup.set(backup_age(self._backups, now=time.time()))
        return generate_latest(self._metrics.registry)

    async def _try(self, part: str, measure: Measure) -> None:
        try:
            await measure()
        except Unavailable:
            self._metrics.up.labels(part).set(0)
        else:
            self._metrics.up.labels(part).set(1)

    async def _measure_queue(self) -> None:
        depth = await self._queue.depth()
        self._metrics.jobs.set(depth.jobs)
        self._metrics.oldest.set(depth.oldest_seconds)
        self._metrics.dead.set(depth.dead)

    async def _measure_minings(self) -> None:
        try:
            async with self._pool.connection() as connection:
                rows = await (await connection.execute(STATES.encode())).fetchall()
        except ERRORS as error:
            raise translate(error) from error
        for state, minings in rows:
            self._metrics.minings.labels(state).set(minings)


def backup_age(folder: Path, *, now: float) -> float:
    """Return the age of the newest dump by its name, infinite if there is none. A name from the future is ignored."""
    times = []
    for path in folder.glob("2???-??-??T??-??-??Z"):
        try:
            times.append(datetime.strptime(path.name, DUMP_NAME).replace(tzinfo=UTC).timestamp())
        except ValueError:
            continue
    return now - max((made for made in times if made <= now), default=float("-inf"))
