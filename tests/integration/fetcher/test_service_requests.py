"""Whatever a caller sends, the service answers it, and never with an error of its own."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import response_schema_conformance
from schemathesis.core.result import Ok

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.service.app import make_app, make_room
from fetcher.service.doors import Doors
from fetcher.service.listener import Server, make_server
from fetcher.service.mailboxes import Mailboxes
from fetcher.service.runs import Runs
from schemas.ledger import Ledger
from schemas.minings import Status
from tests.support.fake_processor import FIRST_MINING, TOKEN, FakeProcessor, contact, running
from tests.support.fetcher_fakes import MemoryJobQueue, MemoryRawStore

SERVE_TOKEN = "the-token-of-the-service"
EXAMPLES = 25
"""Requests per route and way. More find more, and take longer."""
ENDED = Status(FIRST_MINING, "finished", cancelled=False, listed=1, ledger=Ledger(listed=1).to_json(), receipt={})
REPORT: dict[str, Any] = {
    "id": FIRST_MINING,
    "state": "finished",
    "ledger": ENDED.ledger,
    "balanced": True,
    "imbalance": [],
    "receipt": {},
}
KNOWN = {"user": "local", "id": FIRST_MINING, "address": "jane1@acme.com"}
ROUTES = 16
"""At least so many routes there are."""


def refuse(*_: Any) -> socket.socket:
    """Reach no mail server: those that are made up here may exist."""
    raise ConnectionRefusedError


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Yield the address of a service in front of a processor with one contact and one mining."""
    fake = FakeProcessor(minings=[ENDED.to_json()], contacts=[contact(1)], reports={FIRST_MINING: REPORT})
    store = MemoryRawStore()
    claims: Path = tmp_path_factory.mktemp("claims")
    with running(fake), ProcessorClient(fake.url, TOKEN) as client, socket.create_server(("127.0.0.1", 0)) as listening:
        stack = bootstrap.Stack(store, MemoryJobQueue(store), client, embedded=False)
        runs = Runs(stack, claims=claims, most=1, waiting=1, mailboxes=Mailboxes(refuse))
        server = make_server(make_app(make_room(stack, runs), Doors(token=SERVE_TOKEN)))
        thread = threading.Thread(target=serve, args=(server, listening))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def serve(server: Server, listening: socket.socket) -> None:
    """Answer until the server is told to exit."""
    asyncio.run(server.serve([listening]))


@pytest.mark.parametrize("known", [False, True], ids=["anything", "of what is there"])
def test_no_request_is_an_error_of_ours(url: str, known: bool) -> None:
    """Requests made from the OpenAPI document get an answer as it says, below 500 unless a mail server is away."""
    headers = {"Authorization": f"Bearer {SERVE_TOKEN}"}
    schema: schemathesis.BaseSchema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=headers)
    tried = []
    if known:  # schemathesis reads a stream for ten seconds, although it has ended; tests of events have its answers
        schema = schema.exclude(path_regex="/events$")

    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        tried.append(operation.label)

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=st.one_of(operation.as_strategy(), operation.as_strategy(schemathesis.GenerationMode.NEGATIVE)))
        def ask(case: "schemathesis.Case[Any]") -> None:
            if known:
                case.path_parameters = {name: KNOWN[name] for name in case.path_parameters}
            response = case.call(base_url=url, headers=headers)

            told = response.json() if response.status_code >= 400 else {}
            assert response.status_code < 500 or told["code"] == "unreachable", (case.as_curl_command(), told)
            assert response.status_code < 400 or set(told) == {"type", "title", "status", "detail", "error", "code"}
            case.validate_response(response, checks=[response_schema_conformance])

        ask()

    assert len(tried) >= ROUTES
