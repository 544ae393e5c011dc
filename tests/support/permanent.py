"""The permanent database for tests: databases with its schema, and short calls of its functions."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg_pool import AsyncConnectionPool

from processor.adapters.container.contacts import PostgresContactStore
from processor.adapters.container.migrate import migrate
from processor.api.receipts import ErasureReceipt
from processor.domain.contacts.search import search_text
from schemas.migrations import PERMANENT
from tests.support.servers import Postgres

TEMPLATE = "permanent_template"
NO_FILTERS: dict[str, Any] = {"words": None, "tag": None, "source_name": None, "since": None, "mining": None}
REFERENCE_DATE = "2022-06-01"
Contact = dict[str, Any]


class PermanentDatabases:
    """Creates databases with the permanent schema quickly: migrations run once, and every database is a copy."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self._names = (f"permanent_{number}" for number in itertools.count(1))
        asyncio.run(migrate(server.conninfo(TEMPLATE), PERMANENT, schema="leadminer"))

    def fresh(self) -> str:
        """Create an empty database and return its connection string."""
        name = next(self._names)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
        with psycopg.connect(self._server.conninfo(), autocommit=True) as connection:
            connection.execute(statement.format(sql.Identifier(name), sql.Identifier(TEMPLATE)))
        return self._server.conninfo(name)


class Permanent:
    """One database's functions, called through the container's adapter; the user is `local` unless given."""

    def __init__(self, conninfo: str, store: PostgresContactStore) -> None:
        self.conninfo = conninfo
        self.store = store

    async def call(self, function: str, **arguments: Any) -> Any:
        """Call a function as the processor does."""
        return await self.store.call(function, **arguments)

    async def begin(
        self,
        *,
        user: str = "local",
        mining: str | None = None,
        source: str = "source-1",
        source_name: str = "me@example.org",
        own: Sequence[str] = (),
        reference_date: str = REFERENCE_DATE,
    ) -> str:
        """Begin a mining and return its id."""
        mining = mining or str(uuid4())
        begun = await self.call(
            "begin_mining",
            mining=mining,
            user_id=user,
            source=source,
            source_name=source_name,
            own_addresses=list(own),
            reference_date=reference_date,
        )
        assert begun["state"] == "open"
        return mining

    async def apply(self, mining: str, *contacts: Contact, chunk: int = 0, part: int = 0) -> dict[str, bool]:
        """Apply contacts as one part."""
        answer = await self.call("apply_refined_chunk", mining=mining, chunk=chunk, part=part, contacts=list(contacts))
        return dict(answer)

    async def find(
        self,
        *,
        user: str = "local",
        order: str = "warmth",
        after: list[Any] | None = None,
        size: int = 1000,
        **filters: Any,
    ) -> tuple[list[dict[str, Any]], list[Any] | None]:
        """Return one page of the selected contacts, and the place of its last one; check that the total fits."""
        chosen = {"user_id": user, **NO_FILTERS, **filters}
        page = await self.call("find_contacts", **chosen, ordered_by=order, after=after, page_size=size)
        if after is None and len(page["contacts"]) < size:
            assert await self.call("count_contacts", **chosen) == len(page["contacts"])
        return page["contacts"], page["after"]

    async def page(self, **chosen: Any) -> list[dict[str, Any]]:
        """Return one page of contacts, by default up to 1,000 of all, warmest first."""
        return (await self.find(**chosen))[0]

    async def erase(self, user: str = "local") -> dict[str, Any]:
        """Erase a user as the processor does, slice by slice, and return the receipt."""
        receipt, more = ErasureReceipt(), True
        while more:
            erased = await self.call("erase_user", user_id=user)
            receipt.add(erased["addresses"], minings=erased["minings"])
            more = erased["more"]
        return receipt.to_json()


@asynccontextmanager
async def open_permanent(conninfo: str, *, connections: int = 8) -> AsyncIterator[Permanent]:
    """Yield a database's functions, over a pool of up to `connections` connections."""
    pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
        conninfo, min_size=1, max_size=connections, kwargs={"autocommit": True}, open=False
    )
    async with pool:
        yield Permanent(conninfo, PostgresContactStore(pool))


def contact(address: str, **fields: Any) -> Contact:
    """Return a contact as refining passes it on; by default seen once, as sender, without a date."""
    made: Contact = {
        "address": address,
        "occurrence": 1,
        "sender": 1,
        "recipient": 0,
        "conversations": 0,
        "replied_conversations": 0,
        "recency": None,
        "seniority": None,
        "names": [],
        "plus": [],
        "tags": [["professional", 1, "email_address", 1]],
    } | fields
    texts = [*(name[1] for name in made["names"]), address, *made["plus"]]
    return {"search": search_text(texts, [tag[0] for tag in made["tags"]])} | made
