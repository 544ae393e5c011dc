"""The keys of an issuer are read, and whatever else is at their address is an outage."""

import json
import socket

import pytest

from fetcher.adapters import jwks
from fetcher.adapters.jwks import MAX_BYTES, fetch_keys
from fetcher.ports import Unavailable
from tests.support.http_stand_in import Answer, Asked, HttpStandIn
from tests.support.supabase_auth import KEYS

PATH = "/auth/v1/.well-known/jwks.json"


def test_keys_are_read() -> None:
    """A set of keys is read from its address; what is no key is left out."""
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return Answer(200, json.dumps({"keys": [*KEYS, "odd"]}).encode())

    with HttpStandIn(answer) as issuer:
        found = fetch_keys(f"http://{issuer.host}{PATH}")

    assert found == KEYS
    assert [request.path for request in asked] == [PATH]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(500),
        Answer(404, b'{"keys": []}'),
        Answer(302, headers={"Location": "http://127.0.0.1:1/"}),
        Answer(200, b"<html>"),
        Answer(200, b"[]"),
        Answer(200, b"{}"),
        Answer(200, b'{"keys": 1}'),
        Answer(200, b'{"keys": [' + b" " * MAX_BYTES + b"]}"),
    ],
    ids=["broken", "missing", "moved", "a page", "a list", "nothing", "a number", "too large"],
)
def test_what_is_no_set_of_keys_is_an_outage(answer: Answer) -> None:
    """An error, a redirect, another document or far too much is answered later, and never taken for an empty set."""
    with HttpStandIn(lambda _: answer) as issuer, pytest.raises(Unavailable, match="try again later"):
        fetch_keys(f"http://{issuer.host}{PATH}")


def test_an_issuer_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent issuer holds nobody up for longer than the limit."""
    monkeypatch.setattr(jwks, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unavailable):
        fetch_keys(f"http://127.0.0.1:{silent.getsockname()[1]}{PATH}")
