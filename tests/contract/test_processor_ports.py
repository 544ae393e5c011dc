"""The contract of the processor's ports, on the container's adapters and on the Worker's adapters in memory."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from psycopg_pool import AsyncConnectionPool
from redis.asyncio import Redis

from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.adapters.cloudflare.r2 import R2Store
from processor.adapters.container.contacts import PostgresContactStore
from processor.adapters.container.files import FileStore
from processor.adapters.container.migrate import migrate
from processor.adapters.container.postgres import PostgresMiningStore
from processor.adapters.container.redis import RedisJobQueue
from processor.ports import ContactStore, MiningStore
from schemas.migrations import MINING_POSTGRES
from tests.contract import contact_store, job_queue, mining_store, raw_store
from tests.support.cloudflare_bindings import MemoryBucket, MemoryQueue
from tests.support.permanent import PermanentDatabases
from tests.support.sqlite_d1 import SqliteD1

PAGE_KEYS = 3


def named(check: Callable[..., Awaitable[None]]) -> str:
    """Return a check's name without its prefix."""
    return check.__name__.removeprefix("check_")


@contextlib.asynccontextmanager
async def open_pool(conninfo: str) -> AsyncIterator[AsyncConnectionPool]:
    """Open a pool like the composition root does."""
    async with AsyncConnectionPool(conninfo, min_size=1, max_size=2, kwargs={"autocommit": True}, open=False) as pool:
        yield pool


@pytest.fixture(params=["files", "r2"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> raw_store.Subject:
    """Return a raw store on an empty folder."""

    async def put(key: str, data: bytes) -> None:
        path = tmp_path / key
        await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(path.write_bytes, data)

    store = FileStore(tmp_path) if request.param == "files" else R2Store(MemoryBucket(tmp_path, page_keys=PAGE_KEYS))
    return raw_store.Subject(store, put)


@pytest.fixture(params=["redis", "queues"])
async def queued(request: pytest.FixtureRequest) -> AsyncIterator[job_queue.Subject]:
    """Yield an empty queue."""
    if request.param == "queues":
        memory = MemoryQueue()

        async def taken(count: int) -> list[str]:
            return [message.body for message in memory.take()]

        yield job_queue.Subject(CloudflareJobQueue(memory), taken)
        return
    async with Redis.from_url(request.getfixturevalue("redis_url"), decode_responses=True) as redis:
        queue = RedisJobQueue(redis, consumer="one", claim_seconds=30)
        await queue.prepare()

        async def received(count: int) -> list[str]:
            out = []
            while (delivery := await queue.receive(wait_seconds=0.001)) is not None:
                out.append(delivery.job)
                await queue.settle(delivery)
            return out

        yield job_queue.Subject(queue, received)


@pytest.fixture(params=["postgresql", "d1"])
async def mining_tables(request: pytest.FixtureRequest) -> AsyncIterator[MiningStore]:
    """Yield empty temporary tables."""
    if request.param == "d1":
        yield D1MiningStore(SqliteD1.migrated())
        return
    database = request.getfixturevalue("database")
    await migrate(database, MINING_POSTGRES)
    async with open_pool(database) as pool:
        yield PostgresMiningStore(pool)


@pytest.fixture
async def permanent(permanent_databases: PermanentDatabases) -> AsyncIterator[ContactStore]:
    """Yield the permanent side on an empty database."""
    async with open_pool(permanent_databases.fresh()) as pool:
        yield PostgresContactStore(pool)


@pytest.mark.parametrize("check", raw_store.CHECKS, ids=named)
async def test_raw_store(check: Callable[[raw_store.Subject], Awaitable[None]], stored: raw_store.Subject) -> None:
    """Every raw store keeps the contract."""
    await check(stored)


@pytest.mark.parametrize("check", job_queue.CHECKS, ids=named)
async def test_job_queue(check: Callable[[job_queue.Subject], Awaitable[None]], queued: job_queue.Subject) -> None:
    """Every job queue keeps the contract."""
    await check(queued)


@pytest.mark.parametrize("check", mining_store.CHECKS, ids=named)
async def test_mining_store(check: Callable[[MiningStore], Awaitable[None]], mining_tables: MiningStore) -> None:
    """The temporary tables keep the contract in both dialects."""
    await check(mining_tables)


@pytest.mark.parametrize("check", contact_store.CHECKS, ids=named)
async def test_contact_store(check: Callable[[ContactStore], Awaitable[None]], permanent: ContactStore) -> None:
    """The permanent side keeps the contract."""
    await check(permanent)
