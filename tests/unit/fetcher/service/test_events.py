"""A stream of events: the whole state each time, one poll however many watch, and an end that nobody misses."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.service import events, watches
from fetcher.service.app import make_app, make_room
from fetcher.service.arrivals import TimedArrivals
from fetcher.service.doors import COOKIE, Doors
from fetcher.service.listener import make_server
from fetcher.service.room import Room
from fetcher.service.runs import Runs
from fetcher.service.sessions import SESSION_SECONDS, Sessions
from fetcher.service.watches import Event
from schemas.ledger import Ledger
from schemas.minings import Status
from schemas.tokens import TokenScope, make_token
from tests.support.fake_processor import FIRST_MINING, TOKEN, FakeProcessor, contact, running
from tests.support.fetcher_fakes import MemoryJobQueue, MemoryRawStore

SERVE_TOKEN = "the-token-of-the-service"
SERVE_SECRET = "the-secret-of-users-tokens"
SECONDS = 20.0
EVENTS = f"/users/local/minings/{FIRST_MINING}/events"
BEGUN = Status(FIRST_MINING, "processing", cancelled=False, listed=10, processed=3)
LEDGER = Ledger(listed=10, fetched=10, processed=10, contacts={"contact": 2, "automated": 1, "unreachable": 4})
DONE = replace(BEGUN, state="finished", processed=10, ledger=LEDGER.to_json(), receipt={})
Told = tuple[str, dict[str, Any]]


@pytest.fixture
def processor() -> Iterator[FakeProcessor]:
    """Yield a processor with one unfinished mining, and two contacts of which that mining found one."""
    people = [contact(1), contact(2, first_mining="another")]
    with running(FakeProcessor(minings=[BEGUN.to_json()], contacts=people)) as fake:
        yield fake


class Service:
    """A service on a socket, and the clients that watch it."""

    def __init__(self, room: Room, url: str) -> None:
        self.room = room
        self.client = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {SERVE_TOKEN}"}, timeout=SECONDS, trust_env=False
        )

    @asynccontextmanager
    async def watched(self, path: str = EVENTS) -> AsyncIterator[AsyncIterator[Told]]:
        """Yield the events of a stream."""
        async with self.client.stream("GET", path) as response:
            assert response.status_code == 200, await response.aread()
            assert response.headers["content-type"].startswith("text/event-stream")
            yield parsed(response.aiter_lines())

    async def until_watched_by(self, count: int) -> None:
        """Wait until so many watch."""
        async with asyncio.timeout(SECONDS):
            while self.room.watches.watchers != count:  # noqa: ASYNC110 - they come and go in other tasks
                await asyncio.sleep(0.01)


async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[Told]:
    """Yield each event's name and data."""
    name = ""
    async for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


@pytest.fixture
async def service(processor: FakeProcessor, tmp_path: Path) -> AsyncIterator[Service]:
    """Yield a service in front of that processor, which it asks twenty times a second."""
    store = MemoryRawStore()
    with ProcessorClient(processor.url, TOKEN) as processor_client, socket.create_server(("127.0.0.1", 0)) as listening:
        stack = bootstrap.Stack(store, MemoryJobQueue(store), processor_client, embedded=False, poll_seconds=0.05)
        room = make_room(stack, Runs(stack, claims=tmp_path, most=1))
        server = make_server(make_app(room, Doors(token=SERVE_TOKEN, secrets=[SERVE_SECRET])))
        serving = asyncio.create_task(server.serve([listening]))
        service = Service(room, f"http://127.0.0.1:{listening.getsockname()[1]}")
        async with service.client:
            yield service
        room.watches.stop()
        server.should_exit = True
        await serving


async def test_each_event_is_the_whole_state(service: Service, processor: FakeProcessor) -> None:
    """An event has what the mining's status has, with the rate and the time left, whenever something changes."""
    async with service.watched() as stream:
        name, first = await anext(stream)
        processor.minings = [replace(BEGUN, processed=7).to_json()]
        _, second = await anext(stream)

    assert (name, first["run"], first["messages"]["processed"], first["rate"]) == ("state", "waiting", 3, None)
    assert second["messages"]["processed"] == 7
    assert second["rate"] > 0
    assert second["seconds_left"] >= 0
    assert {*first} == {*second}


async def test_the_last_event_has_the_totals(service: Service, processor: FakeProcessor) -> None:
    """The stream ends with `ended`: all contacts, the new ones, and how many addresses of the mining people read."""
    async with service.watched() as stream:
        await anext(stream)
        processor.minings = [DONE.to_json()]
        rest = [event async for event in stream]

    assert [name for name, _ in rest] == ["ended"]
    assert rest[0][1]["totals"] == {"contacts": 2, "new": 1, "reachable": 3}


async def test_who_comes_late_learns_the_end_at_once(service: Service, processor: FakeProcessor) -> None:
    """A mining that has ended gives one event, and a browser that had it does not connect again."""
    processor.minings = [DONE.to_json()]

    async with service.watched() as stream:
        told = [name async for name, _ in stream]
    again = await service.client.get(EVENTS, headers={"Last-Event-ID": "ended"})

    assert (told, again.status_code) == (["ended"], 204)


async def test_a_mining_that_is_not_there_has_no_stream(service: Service) -> None:
    """An unknown mining is a 404 with a sentence, not a stream that says nothing."""
    unknown = await service.client.get(EVENTS.replace("0001/events", "0002/events"))

    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown")
    assert service.room.watches.watchers == 0


async def test_all_who_watch_share_one_poll(service: Service, processor: FakeProcessor) -> None:
    """However many watch, and though they come at once, the processor is asked once each time."""
    async with AsyncExitStack() as opened:
        streams = [service.watched() for _ in range(40)]
        watching = await asyncio.gather(*[opened.enter_async_context(stream) for stream in streams])
        before = processor.asked[EVENTS.removesuffix("/events")]
        await asyncio.sleep(0.5)
        after = processor.asked[EVENTS.removesuffix("/events")]
        processor.minings = [DONE.to_json()]
        ends = await asyncio.gather(*[last_of(stream) for stream in watching])

    assert before <= 10
    assert after - before <= 11
    assert ends == ["ended"] * 40


async def last_of(stream: AsyncIterator[Told]) -> str:
    """Return the name of a stream's last event."""
    return [name async for name, _ in stream][-1]


async def test_who_leaves_is_forgotten(service: Service, processor: FakeProcessor) -> None:
    """When the last one has left, nothing is asked any more."""
    async with service.watched() as stream:
        await anext(stream)
        await service.until_watched_by(1)
    await service.until_watched_by(0)

    before = processor.asked.total()
    await asyncio.sleep(0.3)

    assert processor.asked.total() - before <= 1


async def test_a_quiet_mining_still_has_a_heartbeat(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """If nothing changes, a comment keeps the connection open, and the state is not repeated."""
    monkeypatch.setattr(events, "HEARTBEAT_SECONDS", 0.1)

    async with service.client.stream("GET", EVENTS) as response:
        lines = [line async for line, _ in azip(response.aiter_lines(), 12)]

    assert lines.count(": ") >= 2
    assert len([line for line in lines if line.startswith("data")]) == 1


async def azip(lines: AsyncIterator[str], count: int) -> AsyncIterator[tuple[str, int]]:
    """Yield the first lines with their numbers."""
    for number in range(count):
        yield await anext(lines), number


async def test_a_client_that_does_not_read_loses_its_place(
    service: Service, processor: FakeProcessor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that takes nothing for too long watches no longer, so that dead clients do not add up."""
    monkeypatch.setattr(TimedArrivals, "unread_seconds", 0.2)
    monkeypatch.setattr(Event, "frame", lambda *_: b":" * 8_000_000)
    url = service.client.base_url
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect((url.host, url.port))
        head = f"GET {EVENTS} HTTP/1.1\r\nHost: {url.host}\r\nAuthorization: Bearer {SERVE_TOKEN}\r\n\r\n"
        client.sendall(head.encode())
        await service.until_watched_by(1)

        await service.until_watched_by(0)


async def test_head_opens_no_stream(service: Service) -> None:
    """A program that asks with HEAD gets the head of the answer, and nobody watches for it afterwards."""
    answer = await service.client.head(EVENTS)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    await service.until_watched_by(0)


@pytest.mark.parametrize("kind", ["a token", "a session"])
async def test_a_stream_ends_with_its_token_or_session(service: Service, kind: str) -> None:
    """Who may no longer ask for a mining's state is told nothing more of it either."""
    end = time.time() + 1.5
    if kind == "a token":
        headers = {"Authorization": f"Bearer {make_token(SERVE_SECRET, 'local', [TokenScope.READ], end)}"}
    else:
        session = Sessions(SERVE_TOKEN, clock=lambda: end - SESSION_SECONDS).cookie("local")
        headers = {"Authorization": "", "Cookie": f"{COOKIE}={session}"}

    async with service.client.stream("GET", EVENTS, headers=headers) as response:
        names = [name async for name, _ in parsed(response.aiter_lines())]

    assert names == ["state"]
    assert time.time() < end + 5
    await service.until_watched_by(0)


async def test_a_processor_that_is_away_is_said_and_waited_for(service: Service, processor: FakeProcessor) -> None:
    """While the processor does not answer, the stream says so beside what was last known, and goes on afterwards."""
    async with service.watched() as stream:
        await anext(stream)
        processor.away = True
        _, told = await anext(stream)
        processor.away = False
        processor.minings = [DONE.to_json()]
        names = [name async for name, _ in stream]

    assert (told["trouble"]["code"], told["messages"]["processed"]) == ("unavailable", 3)
    assert names[-1] == "ended"


async def test_a_mining_that_is_erased_ends(service: Service, processor: FakeProcessor) -> None:
    """If its user is erased meanwhile, the stream ends instead of waiting for ever."""
    async with service.watched() as stream:
        await anext(stream)
        processor.minings = []
        rest = [event async for event in stream]

    assert [(name, told["state"]) for name, told in rest] == [("ended", "erased")]


async def test_a_stop_is_told_and_ends_all_streams(service: Service) -> None:
    """Whoever watches is told that the service stops, and so is who comes in that moment."""
    async with service.watched() as stream:
        await anext(stream)
        service.room.watches.stop()
        rest = [event async for event in stream]
    async with service.watched() as late:
        names = [name async for name, _ in late]

    assert [(name, told["code"]) for name, told in rest] == [("stopping", "stopping")]
    assert names == ["stopping"]


async def test_there_is_an_end_to_how_many_may_watch(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """One too many is told to try again later."""
    monkeypatch.setattr(watches, "MOST_WATCHERS", 1)

    async with service.watched() as stream:
        await anext(stream)
        refused = await service.client.get(EVENTS)

    assert (refused.status_code, refused.json()["code"]) == (429, "busy")
    assert "retry-after" in refused.headers


def test_an_event_is_rendered_once_for_all() -> None:
    """A page has its own rendering; each is made once, and a line break in it does not break the event."""
    rendered: list[int] = []
    event = Event(7, "state", {"a": 1})

    def page(fields: dict[str, Any]) -> str:
        rendered.append(fields["a"])
        return "<p>\none</p>"

    frames = {event.frame(page) for _ in range(3)}

    assert frames == {b"id: 7\nevent: state\ndata: <p>\ndata: one</p>\n\n"}
    assert rendered == [1]
