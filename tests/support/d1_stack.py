"""The stack of `tests.support.stack` on the Worker's adapters: D1, R2 and a queue in memory, PostgreSQL behind them."""

import contextlib
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from psycopg_pool import AsyncConnectionPool

from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.events import log_event
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.adapters.cloudflare.r2 import R2Store
from processor.adapters.container.contacts import PostgresContactStore
from processor.adapters.container.migrate import migrate
from processor.api.routes import Response
from processor.jobs.tools import Ports
from processor.minings.table import Minings
from processor.ports import Delivery
from schemas.jobs import Job
from schemas.limits import D1_QUERIES
from schemas.migrations import PERMANENT
from tests.support.cloudflare_bindings import MemoryBucket, MemoryQueue
from tests.support.sqlite_d1 import SqliteD1
from tests.support.stack import TOKEN, Stack

_MOMENT = re.compile(r"now\(\) - interval '2 minutes'")


class StackQueue:
    """The Worker's queue adapter, plus the methods that a stack needs from a queue."""

    def __init__(self, queue: MemoryQueue) -> None:
        self.memory = queue
        self._jobs = CloudflareJobQueue(queue)

    async def send(self, jobs: Sequence[Job]) -> None:
        """Queue these jobs."""
        await self._jobs.send(jobs)

    async def bury(self, job: str, *, reason: str) -> None:
        """Log that a job is given up, as the adapter does."""
        await self._jobs.bury(job, reason=reason)

    async def receive(self, *, wait_seconds: float) -> Delivery | None:
        """Take the next job."""
        return await self.memory.receive(wait_seconds=wait_seconds)

    async def settle(self, delivery: Delivery) -> None:
        """Do nothing: receiving a message has already removed it."""


class SqlitePool:
    """Runs the statements that tests send to PostgreSQL's pool on D1's tables instead."""

    def __init__(self, database: SqliteD1) -> None:
        self._database = database

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator["SqlitePool"]:
        """Yield the pool itself."""
        yield self

    async def execute(self, statement: str) -> "SqlitePool":
        """Run a test's statement, translated to SQLite."""
        self._cursor = self._database.connection.execute(_MOMENT.sub("unixepoch() - 120", statement))
        return self

    async def fetchone(self) -> Any:
        """Return the first row."""
        return self._cursor.fetchone()


class D1Stack(Stack):
    """A stack in which each request and each job is a separate invocation with its own limits."""

    def __init__(self, ports: Ports, queue: Any, root: Path, database: SqliteD1, store: D1MiningStore) -> None:
        super().__init__(ports, queue, root)
        self.database = database
        self.tables = store
        store._pool = SqlitePool(database)  # type: ignore[attr-defined]

    async def ask(self, method: str, path: str, body: object = None, *, token: str = TOKEN, **query: str) -> Response:
        """Send a request to the API."""
        self.begin_invocation()
        return await super().ask(method, path, body, token=token, **query)

    async def work(self, job: str, *, deliveries: int = 1) -> None:
        """Process one job."""
        self.begin_invocation()
        await super().work(job, deliveries=deliveries)

    def begin_invocation(self) -> None:
        """Begin a new invocation, with its own limits."""
        self.database.begin_invocation()
        self.tables.queries = 0


@contextlib.asynccontextmanager
async def open_d1_stack(permanent: str, root: Path) -> AsyncIterator[D1Stack]:
    """Open a stack on an empty D1, bucket and queue, and a permanent database."""
    await migrate(permanent, PERMANENT, schema="leadminer")
    database = SqliteD1.migrated()
    store = D1MiningStore(database, max_queries=D1_QUERIES)
    async with AsyncConnectionPool(permanent, min_size=1, max_size=2, kwargs={"autocommit": True}, open=False) as pool:
        queue = StackQueue(MemoryQueue())
        ports = Ports(
            raw=R2Store(MemoryBucket(root, page_keys=2)),
            minings=Minings(store),
            contacts=PostgresContactStore(pool),
            queue=queue,
            alert=log_event,
        )
        yield D1Stack(ports, queue, root, database, store)
