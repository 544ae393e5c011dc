"""A request that does not arrive is cut, and so is a client that does not read; an answer that takes long is not."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fetcher.service.arrivals import ARRIVAL_SECONDS, TimedArrivals
from fetcher.service.listener import make_server

ARRIVE = 0.3
"""The limit in these tests, in seconds."""
HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"
LARGE = 8_000_000
"""Bytes, more than all buffers on the way hold."""
LAST = HEAD.replace(b"Host", b"Connection: close\r\nHost")
BOOK = b"GET /book HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n"
STREAM = b"GET /stream HTTP/1.1\r\nConnection: close\r\nHost: localhost\r\n\r\n"


async def echo(request: Request) -> Response:
    try:
        return Response(await request.body())
    except ClientDisconnect:
        return Response()


async def book(_: Request) -> Response:
    return Response(b"x" * LARGE)


async def stream(_: Request) -> StreamingResponse:
    """Answer for twice as long as a request may take to arrive."""

    async def events() -> AsyncIterator[bytes]:
        for _ in range(6):
            await asyncio.sleep(ARRIVE / 3)
            yield b"event"

    return StreamingResponse(events())


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """Yield the port of a server with a short limit."""
    monkeypatch.setattr(TimedArrivals, "arrival_seconds", ARRIVE)
    monkeypatch.setattr(TimedArrivals, "unread_seconds", ARRIVE)
    listening = socket.create_server(("127.0.0.1", 0))
    routes = [Route("/echo", echo, methods=["POST"]), Route("/book", book), Route("/stream", stream)]
    server = make_server(Starlette(routes=routes))
    serving = asyncio.create_task(server.serve([listening]))
    yield listening.getsockname()[1]
    server.should_exit = True
    await serving


async def drip(port: int, *pieces: bytes, pause_seconds: float) -> bytes:
    """Send the pieces with pauses, and return all that the server answers until it closes or nothing more comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in pieces:
        if writer.is_closing() or reader.at_eof():
            break
        writer.write(piece)
        await asyncio.sleep(pause_seconds)
    try:
        async with asyncio.timeout(10 * ARRIVE):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def test_the_limit_is_below_thirty_seconds() -> None:
    """A slow request is cut within 30 seconds."""
    assert ARRIVAL_SECONDS < 30


@pytest.mark.parametrize(
    "pieces",
    [
        [b""],
        [HEAD[at : at + 1] for at in range(len(HEAD))],
        [HEAD, *[b"x"] * 3],
        [HEAD + b"body" + HEAD[:8], *[b"x"] * 20],
    ],
    ids=["nothing", "a head by bytes", "a body by bytes", "the next request"],
)
async def test_a_request_that_does_not_arrive_is_cut(port: int, pieces: list[bytes]) -> None:
    """The connection ends in time, whatever part of the request is late and however steadily the rest drips in."""
    began = asyncio.get_running_loop().time()

    answer = await drip(port, *pieces, pause_seconds=ARRIVE / 5)

    assert b"x" not in answer.partition(b"\r\n\r\n")[2]
    assert asyncio.get_running_loop().time() - began < 5 * ARRIVE


async def test_a_slow_request_that_arrives_is_answered(port: int) -> None:
    """A head and body in pieces are answered if all of them are here in time."""
    answer = await drip(port, LAST[:9], LAST[9:], b"bo", b"dy", pause_seconds=ARRIVE / 20)

    assert answer.endswith(b"\r\n\r\nbody")


async def test_an_answer_takes_as_long_as_it_wants(port: int) -> None:
    """An event stream goes on after the limit, because its request is here."""
    answer = await drip(port, STREAM, pause_seconds=0)

    assert answer.count(b"event") == 6


@pytest.mark.parametrize(("pause_seconds", "whole"), [(0, True), (4 * ARRIVE, False)])
async def test_who_reads_nothing_is_cut(port: int, pause_seconds: float, whole: bool) -> None:
    """A client that takes nothing for too long loses its connection; one that reads slowly gets everything."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**16)
    writer.write(BOOK)
    size = 0

    await asyncio.sleep(pause_seconds)
    with suppress(ConnectionError):
        while piece := await reader.read(LARGE // 10):
            size += len(piece)
            await asyncio.sleep(ARRIVE / 30)
    writer.close()

    assert (size > LARGE) is whole


async def test_a_connection_serves_one_request_after_another(port: int) -> None:
    """Each request on a connection has its own time."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers = []
    for _ in range(3):
        writer.write(HEAD + b"body")
        head = await reader.readuntil(b"\r\n\r\n")
        answers.append((head.split()[1], await reader.readexactly(4)))
        await asyncio.sleep(ARRIVE * 0.7)
    writer.close()

    assert answers == [(b"200", b"body")] * 3
