"""A request is refused before it costs anything if it is too large or is no text."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fetcher.service.app import make_app
from fetcher.service.doors import Doors
from fetcher.service.problems import MAX_BODY_BYTES
from fetcher.service.room import Room

TOKEN = "the-token-of-the-service"
NOTHING: Any = None


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of a service that has nothing to work with: no request here gets that far."""
    transport = httpx.ASGITransport(make_app(Room(NOTHING, NOTHING, NOTHING), Doors(token=TOKEN)))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", headers=headers) as client:
        yield client


async def pieces(count: int) -> AsyncIterator[bytes]:
    """Yield a body of a hundred thousand bytes a piece, whose length nobody knows before."""
    for _ in range(count):
        yield b" " * 100_000


async def test_a_body_that_is_too_large_is_refused_by_its_length(client: httpx.AsyncClient) -> None:
    """A body that says how large it is gets a 413 unread, so it cannot fill the memory."""
    response = await client.post("/users/jo/minings", content=b" " * (MAX_BODY_BYTES + 1))

    assert (response.status_code, response.json()["code"]) == (413, "large")
    assert str(MAX_BODY_BYTES) in response.json()["error"]


async def test_a_body_that_turns_out_too_large_is_refused(client: httpx.AsyncClient) -> None:
    """A body of unknown length is read as far as the limit and then gets a 413."""
    response = await client.post("/users/jo/minings", content=pieces(11))

    assert (response.status_code, response.json()["code"]) == (413, "large")


async def test_a_body_within_the_limit_is_read(client: httpx.AsyncClient) -> None:
    """A body of exactly the limit is read: what is wrong with it is its JSON."""
    response = await client.post("/users/jo/minings", content=pieces(10))

    assert (response.status_code, response.json()["code"]) == (400, "request")


@pytest.mark.parametrize("target", ["/users/j%ff/minings", "/users/jo/export?source=%c3%28", "/%80"])
async def test_a_url_that_is_no_utf_8_is_refused(client: httpx.AsyncClient, target: str) -> None:
    """Bytes that are no UTF-8 are refused, never replaced by something that nobody asked for."""
    response = await client.get(target)

    assert (response.status_code, response.json()["code"]) == (400, "request")
    assert "UTF-8" in response.json()["error"]


@pytest.mark.parametrize("content", [b'{"source": "\xff"}', b"[" * 100_000, b'{"connections": ' + b"9" * 5000 + b"}"])
async def test_a_body_that_no_reader_can_read_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    """Broken UTF-8, endless nesting and numbers beyond measure are a wrong request, not an error of ours."""
    response = await client.post("/users/jo/minings", content=content)

    assert (response.status_code, response.json()["code"]) == (400, "request")


@pytest.mark.parametrize("media", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
async def test_a_body_is_json_whatever_its_type_says(client: httpx.AsyncClient, media: str) -> None:
    """`curl --data` calls its JSON a form, and the service reads it all the same."""
    response = await client.post("/users/jo/minings", content=b'{"so": "urce"}', headers={"Content-Type": media})

    assert "so: Extra inputs are not permitted." in response.json()["error"]


async def test_a_problem_is_as_rfc_9457_has_it(client: httpx.AsyncClient) -> None:
    """A problem has its type, title, status and detail, and the sentence and code of before."""
    response = await client.post("/users/jo/minings", content=b"{")

    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (problem["type"], problem["status"]) == ("tag:leadminer.io,2026:problems/request", 400)
    assert problem["title"] == "The request is wrong"
    assert problem["detail"] == problem["error"]


async def test_head_is_answered_like_get(client: httpx.AsyncClient) -> None:
    """Programs that watch a service often ask with HEAD, and get the same head without a body."""
    head, whole = await client.head("/health"), await client.get("/health")

    assert (head.status_code, head.headers, head.content) == (200, whole.headers, b"")
