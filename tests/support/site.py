"""The pages in front of a processor whose answers a test sets, and what that processor holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.service.app import make_app, make_room
from fetcher.service.doors import Doors
from fetcher.service.runs import Runs
from tests.support.fake_processor import TOKEN, FakeProcessor, contact, running
from tests.support.fetcher_fakes import MemoryJobQueue, MemoryRawStore

HERE = "http://127.0.0.1"
USER = "jane"
FINISHED = "11111111-aaaa-4aaa-8aaa-000000000001"
PROCESSING = "22222222-aaaa-4aaa-8aaa-000000000002"
LEFT = "33333333-aaaa-4aaa-8aaa-000000000003"
LEDGER = {
    "listed": 3936,
    "fetched": 3936,
    "processed": 3776,
    "duplicate": 160,
    "contacts": {"contact": 394, "unreachable": 137, "automated": 12},
}
HOSTILE = "<img src=x onerror=alert(1)>"
BACKWARDS = "\u202e\u05e9\u05dc\u05d5\u05dd"
"""Hebrew behind a character that turns the direction of all that follows."""
LONG = "Anna " * 2000


class Site:
    """The application, the processor behind it, and a client with the session of a user."""

    def __init__(self, fake: FakeProcessor, client: ProcessorClient, folder: Path) -> None:
        self.processor = fake
        store = MemoryRawStore()
        stack = bootstrap.Stack(store, MemoryJobQueue(store), client, embedded=False)
        self.runs = Runs(stack, claims=folder / "claims", most=1, waiting=10)
        self.doors = Doors(token="the-token-of-the-service")
        self.app = make_app(make_room(stack, self.runs), self.doors)
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url=HERE,
            headers={"Origin": HERE, "Accept": "text/html"},
            cookies={self.doors.cookie: self.doors.sessions.cookie(USER)},
        )

    async def get(self, path: str) -> str:
        """Return the text of a page, which must be there."""
        answer = await self.client.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text


@contextmanager
def open_site(folder: Path, **held: Any) -> Iterator[Site]:
    """Yield the pages of a user for whom the processor holds this."""
    with running(FakeProcessor(user=USER, **held)) as fake, ProcessorClient(fake.url, TOKEN) as client:
        yield Site(fake, client, folder)


def some_contacts() -> list[dict[str, Any]]:
    """Return contacts for two pages, of which some have names that are hard to show."""
    names = {1: HOSTILE, 2: BACKWARDS, 3: LONG, 4: None}
    return [contact(each, name=names.get(each, f"Jane Doe {each}"), temperature=99 - each) for each in range(60)]


def some_minings() -> list[dict[str, Any]]:
    """Return a mining in progress, one that was interrupted, and one that has finished."""
    counts = {"processed": 1240, "duplicate": 40, "dead": 0}
    ended: dict[str, Any] = {"ledger": LEDGER, "receipt": {"objects": 9, "keys": "5f" * 32}, "messages": counts}
    return [
        mining(PROCESSING, "processing", source_name="jane@work.example", messages=counts),
        mining(LEFT, "fetching", source_name="jane@left.example", listed=None),
        mining(FINISHED, "finished", **ended),
    ]


def mining(identifier: str, state: str, **changed: Any) -> dict[str, Any]:
    """Return a mining as the processor gives it."""
    return {
        "id": identifier,
        "source_name": "jane@example.org",
        "state": state,
        "cancelled": False,
        "begun_at": "2026-11-30T10:02:00Z",
        "listed": 3936,
        "segments": {"sent": 8, "done": 3, "dead": 0},
        "messages": {"processed": 0, "duplicate": 0, "dead": 0},
        "chunks": 16,
        "chunks_refined": 0,
        "ledger": None,
        "receipt": None,
        **changed,
    }
