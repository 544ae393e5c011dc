"""A caller's order is read completely, or refused with the field's name and without repeating a value."""

import json
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from fetcher.service.app import make_app
from fetcher.service.doors import Doors
from fetcher.service.minings import Minings
from fetcher.service.orders import MAX_LISTED, MiningOrder
from fetcher.service.room import Room
from schemas.scope import Scope

TOKEN = "the-token-of-the-service"
NOTHING: Any = SimpleNamespace(processor=None)
ROOM = Room(NOTHING, Minings(NOTHING, NOTHING), NOTHING)
"""No order that is refused gets further."""
LEAST = {"source": "imaps://jane%40example.org@imap.example.org", "password": "hunter2"}


async def refused(order: Any) -> httpx.Response:
    """Return the answer to an order that cannot be taken."""
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    transport = httpx.ASGITransport(make_app(ROOM, Doors(token=TOKEN)))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.post("/users/jo/minings", content=body, headers={"Authorization": f"Bearer {TOKEN}"})


async def refusal(order: Any) -> str:
    """Return the sentence with which an order is refused as the caller's fault."""
    response = await refused(order)
    assert (response.status_code, response.json()["code"]) == (400, "request")
    return str(response.json()["error"])


def test_what_is_left_out_is_as_the_command_has_it() -> None:
    """A source and a password are enough; everything else stays at the command's defaults."""
    order = MiningOrder.model_validate(LEAST)
    request, connector = order.request("jo"), order.connector()

    assert (request.user, request.source.name) == ("jo", "jane@example.org@imap.example.org:993")
    assert connector.source == request.source
    assert connector.credentials.password == "hunter2"
    wishes = (request.me, request.folders, request.since, request.scope, request.as_of, request.full)
    assert (*wishes, request.connections, connector.plain) == (*[None] * 7, False)


def test_all_that_is_said_is_asked_for() -> None:
    """Each field of an order reaches the mining."""
    order = {
        "source": "imap://jane@mail.example.org",
        "token": "an OAuth token",
        "me": ["jo@example.org"],
        "folders": ["INBOX", "Été"],
        "scope": "headers",
        "since": "2026-01-31",
        "as_of": "2026-02-01",
        "full": True,
        "connections": 3,
        "plain": True,
    }

    read = MiningOrder.model_validate(order)
    request, connector = read.request("jo"), read.connector()

    assert (request.me, request.folders) == (("jo@example.org",), ("INBOX", "Été"))
    assert (request.scope, request.since, request.as_of) == (Scope.HEADERS, "2026-01-31", "2026-02-01")
    assert (request.full, request.connections, connector.plain) == (True, 3, True)
    assert connector.credentials.password is None
    assert connector.credentials.token is not None
    assert connector.credentials.token() == "an OAuth token"


@pytest.mark.parametrize("name", ["me", "folders"])
def test_an_empty_list_is_none(name: str) -> None:
    """An empty list counts as absent, not as no folders at all."""
    request = MiningOrder.model_validate(LEAST | {name: []}).request("jo")

    assert getattr(request, name) is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"source": None}, "source"),
        ({"source": "https://example.org"}, "imaps://"),
        ({"source": "imaps://jane:hunter2@imap.example.org"}, "password"),
        ({"password": None}, "exactly one of password and token"),
        ({"password": ""}, "exactly one of password and token"),
        ({"token": "hunter2"}, "exactly one of password and token"),
        ({"password": 5}, "password"),
        ({"scope": "everything"}, "scope"),
        ({"since": "yesterday"}, "since"),
        ({"as_of": "2026-02-30"}, "as_of"),
        ({"folders": "INBOX"}, "folders"),
        ({"folders": [1]}, "folders.0"),
        ({"me": ["jo@example.org"] * (MAX_LISTED + 1)}, "me"),
        ({"connections": 0}, "connections"),
        ({"connections": 17}, "connections"),
        ({"connections": "2"}, "connections"),
        ({"full": "yes"}, "full"),
        ({"plain": None}, "plain"),
        ({"holder": "me"}, "holder"),
    ],
)
async def test_what_is_wrong_is_named_and_no_password_repeated(change: dict[str, Any], named: str) -> None:
    """An error names the field and never repeats a password, even one in the wrong field."""
    sentence = await refusal(LEAST | change)

    assert named in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"hunter2"', b'{"password":"hunter2', b"\xff", b'{"a":"\\ud800"}'])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    """A body that is not a JSON object is refused with a sentence that says what it must be."""
    sentence = await refusal(body)

    assert sentence
    assert "hunter2" not in sentence


async def test_the_first_faults_are_enough() -> None:
    """Only the first faults are reported, so the answer does not grow with the request."""
    sentence = await refusal({f"wrong{number}": 1 for number in range(1000)})

    assert len(sentence) < 1000


def test_a_password_does_not_print() -> None:
    """Neither the order nor the connector shows the password in its repr."""
    order = MiningOrder.model_validate(LEAST)

    assert "hunter2" not in repr((order, order.request("jo"), order.connector()))
