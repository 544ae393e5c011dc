"""A processor in the test's process, on real PostgreSQL, real Valkey and a real folder, driven job by job."""

import contextlib
import json
import random
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from processor.adapters.container.metrics import Exposition
from processor.adapters.container.redis import RedisJobQueue
from processor.api.fetching import Fetching
from processor.api.records import Records
from processor.api.routes import Api, Request, Response
from processor.entry_container import migrate, open_ports
from processor.jobs.pipeline import Pipeline
from processor.jobs.sweep import Sweeper
from processor.jobs.tools import Ports
from processor.ports import Conflict
from processor.settings import Settings
from schemas.jobs import Job, JobKind
from schemas.segments import Plan, PlannedFolder, PlannedSegment, Segment, StoredMessage, plan_key, segment_key
from schemas.uids import UidRanges

TOKEN = "a service token of tests"
AS_OF = "2026-01-31"


def mail(number: int, *, sender: str = "jane@acme.com", to: str = "me@example.org", more: str = "") -> bytes:
    """Return a small message; equal arguments give equal messages."""
    return (
        f"Message-ID: <{number}@acme.com>\r\nDate: Mon, 5 Jan 2026 10:00:{number % 60:02d} +0000\r\n"
        f"From: {sender}\r\nTo: {to}\r\nSubject: no {number}\r\n{more}\r\nHello {number}.\r\n"
    ).encode()


@dataclass
class Folder:
    """One folder of a mailbox: its segments as lists of messages, with UIDs numbered from 1 across segments."""

    segments: Sequence[Sequence[bytes]]
    name: str = "INBOX"
    uidvalidity: int = 7

    def planned(self) -> PlannedFolder:
        """Return this folder's entry in the plan."""
        out, first = [], 1
        for messages in self.segments:
            uids = UidRanges([(first, first + len(messages) - 1)])
            out.append(PlannedSegment(uids, uids))
            first += len(messages)
        return PlannedFolder(self.name, self.uidvalidity, tuple(out))


@dataclass
class Begun:
    """A mining begun through the API, and the jobs that its fetcher has to send."""

    user: str
    id: str
    lease: int
    answer: Mapping[str, Any]
    jobs: list[Job] = field(default_factory=list)


class Stack:
    """The parts of one processor, assembled as in its composition root."""

    exposition: Exposition
    """The metrics."""

    def __init__(self, ports: Ports, queue: RedisJobQueue, root: Path) -> None:
        self.ports = ports
        self.queue = queue
        self.root = root
        self.pipeline = Pipeline(ports, still_seconds=0)
        self.sweeper = Sweeper(ports, self.pipeline, silent_seconds=86_400)
        self.api = Api(Fetching(ports, self.pipeline), Records(ports, self.pipeline), secrets=[TOKEN], version="test")

    async def ask(self, method: str, path: str, body: object = None, *, token: str = TOKEN, **query: str) -> Response:
        """Send a request to the API."""
        data = b"" if body is None else json.dumps(body).encode()

        async def read() -> bytes:
            return data

        return await self.api.answer(Request(method, path, token, query, read))

    async def begin(
        self, user: str = "jo", source: str = "me@example.org@imap.example.org:993", **fields: Any
    ) -> Begun:
        """Begin a mining through the API."""
        asked = {
            "id": str(uuid.uuid4()),
            "source": source,
            "address": "me@example.org",
            "as_of": AS_OF,
            "chunks": 4,
            "holder": "test",
        }
        response = await self.ask("POST", f"/users/{user}/minings", asked | fields)
        assert response.status == 200, response
        return Begun(user, response.body["id"], response.body.get("lease", 0), response.body)

    def store(self, begun: Begun, *folders: Folder, cut: bool = False) -> list[Job]:
        """Store the plan and segments as a fetcher does, and return the segments' jobs without sending them."""
        planned = tuple(folder.planned() for folder in folders)
        self.put(plan_key(begun.id), Plan(planned).encode())
        for folder, plan in zip(folders, planned, strict=True):
            for bodies, segment in zip(folder.segments, plan.segments, strict=True):
                stored = [
                    StoredMessage(uid, len(body), None, cut) for uid, body in enumerate(bodies, start=segment.first)
                ]
                head = Segment(plan.digest, plan.uidvalidity, segment.covers, tuple(stored))
                name = plan.segment_name(segment)
                self.put(segment_key(begun.id, name), head.encode(bodies))
                begun.jobs.append(Job(JobKind.SEGMENT, begun.id, segment=name, messages=len(bodies)))
        return begun.jobs

    def put(self, key: str, data: bytes) -> None:
        """Write an object."""
        path = self.root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    async def fetched(self, begun: Begun, **reasons: Mapping[str, int]) -> Response:
        """Report that everything is fetched."""
        body = {"lease": begun.lease, **reasons}
        return await self.ask("POST", f"/users/{begun.user}/minings/{begun.id}/fetched", body)

    async def drain(self, *, seed: int | None = None, twice: bool = False) -> None:
        """Process all waiting jobs, in the queue's order or shuffled, each once or twice, until none is left."""
        shuffle = random.Random(seed)
        while True:
            batch = []
            while (delivery := await self.queue.receive(wait_seconds=0.001)) is not None:
                batch.append(delivery)
                await self.queue.settle(delivery)
            if not batch:
                return
            if seed is not None:
                shuffle.shuffle(batch)
            for delivery in batch:
                for _ in range(2 if twice else 1):
                    await self.work(delivery.job, deliveries=delivery.deliveries)

    async def work(self, job: str, *, deliveries: int = 1) -> None:
        """Process one job, again each time the pipeline says that it must start over."""
        for _ in range(20):
            with contextlib.suppress(Conflict):
                await self.pipeline.handle(job, deliveries=deliveries)
                return
        raise AssertionError("a job keeps starting over")

    def begin_invocation(self) -> None:
        """Do nothing: only a Worker has limits for an invocation."""

    async def mine(self, *folders: Folder, seed: int | None = None, twice: bool = False, **fields: Any) -> Begun:
        """Mine a mailbox from begin to end."""
        begun = await self.begin(**fields)
        await self.queue.send(self.store(begun, *folders))
        await self.fetched(begun)
        await self.drain(seed=seed, twice=twice)
        return begun

    async def report(self, begun: Begun) -> Mapping[str, Any]:
        """Return a mining's report."""
        return (await self.ask("GET", f"/users/{begun.user}/minings/{begun.id}/report")).body

    async def contacts(self, user: str = "jo") -> list[Any]:
        """Return all of a user's contacts in list order."""
        out: list[Any] = []
        after: dict[str, str] = {}
        while True:
            page = (await self.ask("GET", f"/users/{user}/contacts", limit="50", **after)).body
            if not page["contacts"]:
                return out
            out += page["contacts"]
            after = {"after": page["after"]}

    async def rows(self, table: str) -> int:
        """Return the number of rows in a temporary table."""
        async with self.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
            cursor = await connection.execute(f"SELECT count(*) FROM {table}")
            return int((await cursor.fetchone())[0])


@contextlib.asynccontextmanager
async def open_stack(database: str, redis_url: str, root: Path, *, consumer: str = "one") -> AsyncIterator[Stack]:
    """Open a stack on these servers, which several stacks can share."""
    fields: dict[str, Any] = {
        "postgres_connection_string": database,
        "postgres_mining_connection_string": _mining(database),
        "redis_url": redis_url,
        "raw_store_path": root,
        "processor_token": TOKEN,
        "processor_name": consumer,
        "claim_seconds": 30,
    }
    settings = Settings(**fields)
    _make_folder(root)
    await migrate(settings)
    async with open_ports(settings) as (ports, queue, exposition):
        await queue.prepare()
        stack = Stack(ports, queue, root)
        stack.exposition = exposition
        yield stack


def empty_tables(database: str) -> None:
    """Empty all tables of both of a stack's databases, but not what is known about their migrations."""
    for each in (database, _mining(database)):
        with psycopg.connect(each, autocommit=True) as connection:
            found = connection.execute(
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables"
                " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') AND tablename <> 'migrations'"
            ).fetchall()
            tables = sql.SQL(", ").join(sql.SQL(name) for (name,) in found)
            connection.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))


def _mining(database: str) -> str:
    path, mark, query = database.partition("?")
    return f"{path}_mining{mark}{query}"


def _make_folder(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
