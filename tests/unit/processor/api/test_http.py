"""The API behaves the same over HTTP: same responses, unchanged paths, limited bodies."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from structlog.testing import capture_logs

from processor.api.http import open_socket, serve_api
from processor.api.routes import MAX_BODY_BYTES
from tests.support.stack import TOKEN, Stack


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = serve_api(stack.api, listen=f"fd:{listening.detach()}")
    task = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    server.should_exit = True
    await task


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_health_answers_anybody(client: httpx.AsyncClient) -> None:
    """A health check needs no token."""
    response = await client.get("/health")

    assert (response.status_code, response.json()["status"]) == (200, "ok")


async def test_the_token_is_read_from_its_header_alone(client: httpx.AsyncClient) -> None:
    """A token in another scheme or in the query is not accepted."""
    answers = [
        await client.get("/users/jo/minings"),
        await client.get("/users/jo/minings", headers={"Authorization": TOKEN}),
        await client.get("/users/jo/minings", headers={"Authorization": f"Basic {TOKEN}"}),
        await client.get("/users/jo/minings", params={"token": TOKEN}),
        await client.get("/users/jo/minings", headers=bearer()),
    ]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 200]


async def test_a_slash_in_a_user_name_is_no_path(client: httpx.AsyncClient) -> None:
    """A percent-encoded slash does not split a piece of the path."""
    response = await client.get("/users/jo%2Fdoe/minings", headers=bearer())

    assert (response.status_code, response.json()) == (200, {"minings": []})


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    """A method that the API does not use gets 405."""
    response = await client.request(method, "/users/jo/minings", headers=bearer())

    assert response.status_code == 405


async def test_a_body_that_is_too_large_is_refused(client: httpx.AsyncClient) -> None:
    """A request cannot fill the memory."""
    response = await client.post("/users/jo/erase", headers=bearer(), content=b" " * (MAX_BODY_BYTES + 1))

    assert (response.status_code, response.json()["code"]) == (400, "limit")


async def test_without_a_token_the_answer_does_not_wait_for_the_body(client: httpx.AsyncClient) -> None:
    """A caller without a token is answered as soon as its headers are here."""
    host, port = client.base_url.host, client.base_url.port
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"POST /users/jo/erase HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n")

    async with asyncio.timeout(5):
        line = await reader.readline()

    writer.close()
    assert line.startswith(b"HTTP/1.1 401 ")


async def test_without_a_token_even_a_large_body_is_401(client: httpx.AsyncClient) -> None:
    """A caller without a token does not learn the size limit."""
    response = await client.post("/users/jo/erase", content=b" " * (MAX_BODY_BYTES + 1))

    assert (response.status_code, response.json()["code"]) == (401, "token")


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"[" * 100_000, json.dumps("text").encode()])
async def test_a_body_that_is_no_object_is_refused(client: httpx.AsyncClient, body: bytes) -> None:
    """The response says what is wrong, and nothing is done."""
    response = await client.post("/users/jo/erase", headers=bearer(), content=body)

    assert (response.status_code, response.json()["code"]) == (400, "request")


async def test_an_error_of_our_own_is_answered_and_logged_by_its_class(client: httpx.AsyncClient, stack: Stack) -> None:
    """An unexpected error gets a JSON response like any other. The log has neither its traceback nor its text."""
    begun = await stack.begin()
    async with stack.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute("UPDATE minings SET settings = 'no JSON'")

    with capture_logs() as logs:
        response = await client.get(f"/users/jo/minings/{begun.id}", headers=bearer())

    assert (response.status_code, response.json()["code"]) == (500, "error")
    assert logs == [{"event": "request failed", "error": "JSONDecodeError", "log_level": "error"}]


def test_a_socket_is_opened_where_it_is_said() -> None:
    """The socket listens on the given host and port."""
    with open_socket("127.0.0.1:0") as four:
        assert four.getsockname()[0] == "127.0.0.1"
