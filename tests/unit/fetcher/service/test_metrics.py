"""The service's metrics are what it does, its readiness is the processor's, and neither tells who its users are."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.imap.connection import LoginRefused
from fetcher.mining.outcome import MiningRequest
from fetcher.service import health
from fetcher.service.app import make_app, make_room
from fetcher.service.doors import Doors
from fetcher.service.mailboxes import Mailboxes
from fetcher.service.metrics import Metrics
from fetcher.service.runs import Runs
from schemas.tokens import TokenScope, make_token
from tests.support.fake_processor import TOKEN, FakeProcessor, running
from tests.support.fetcher_fakes import MemoryJobQueue, MemoryRawStore
from tests.support.fetcher_stack import mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

SERVICE_TOKEN = "the-token-of-the-service"
SECRET = "the-secret-of-the-processor"


@pytest.fixture
def metrics() -> Metrics:
    """Return metrics at zero."""
    return Metrics()


@dataclass
class Counting(FakeProcessor):
    """A processor that counts how often it is asked whether it is ready, and can be away."""

    readies: int = 0
    away: bool = False

    def answer(self, method: str, target: str, token: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer one request."""
        if target != "/ready":
            return super().answer(method, target, token, body)
        self.readies += 1
        return (503, {"error": "The database does not answer.", "code": "unavailable"}) if self.away else (200, {})


@pytest.fixture
def processor() -> Iterator[Counting]:
    """Yield a processor."""
    fake = Counting()
    with running(fake):
        yield fake


@pytest.fixture
def app(processor: Counting, metrics: Metrics, tmp_path: Path) -> Iterator[Any]:
    """Yield the application in front of that processor."""
    store = MemoryRawStore()
    with ProcessorClient(processor.url, TOKEN) as client:
        stack = bootstrap.Stack(store, MemoryJobQueue(store), client, embedded=False)
        runs = Runs(stack, claims=tmp_path, most=1)
        metrics.follow(runs)
        yield make_app(make_room(stack, runs), Doors(token=SERVICE_TOKEN, secrets=[SECRET]), metrics=metrics)


def client_of(app: Any, peer: str = "203.0.113.9") -> httpx.AsyncClient:
    """Return a client that calls from an address."""
    transport = httpx.ASGITransport(app, client=(peer, 50_000))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.fixture
async def client(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client on another machine, without a token."""
    async with client_of(app) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_metrics_are_for_the_operator(app: Any, client: httpx.AsyncClient) -> None:
    """The service's token and a caller on this machine get them; users, strangers and callers by proxy do not."""
    user = make_token(SECRET, "jo", TokenScope, 2**33)
    async with client_of(app, "127.0.0.1") as here:
        inside = [await here.get("/metrics"), await here.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})]
    outside = [await client.get("/metrics", headers=headers) for headers in ({}, bearer(user), bearer(SERVICE_TOKEN))]

    assert [answer.status_code for answer in inside] == [200, 401]
    assert [answer.status_code for answer in outside] == [401, 404, 200]
    assert inside[0].headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_answers_are_counted(client: httpx.AsyncClient, metrics: Metrics) -> None:
    """Every answer counts by its status alone, the refused ones too."""
    await client.get("/health")
    await client.get("/users/somebody-in-particular/minings")
    await client.get("/health", headers={"Host": "evil.example.org"})

    text = metrics.render().decode()
    assert [line for line in text.splitlines() if line.startswith("leadminer_service_requests_total")] == [
        'leadminer_service_requests_total{status="200"} 1.0',
        'leadminer_service_requests_total{status="401"} 1.0',
        'leadminer_service_requests_total{status="421"} 1.0',
    ]
    assert "somebody" not in text


def test_connections_are_counted(metrics: Metrics) -> None:
    """Connections, those that replace a lost one, and refused logins are counted, without their host and login."""
    with OddImap({"INBOX": OddFolder({})}) as odd:
        open_mailbox = Mailboxes(metrics=metrics).opener("jo", odd_stack(odd).connector)
        first, second = open_mailbox(), open_mailbox()
        first.close()
        third = open_mailbox()
        odd.login_answers = ["NO [AUTHENTICATIONFAILED] wrong"]
        with pytest.raises(LoginRefused):
            open_mailbox()
        second.close()
        third.close()

    read = metrics.registry.get_sample_value
    names = (
        "leadminer_mailbox_connections_total",
        "leadminer_mailbox_reconnects_total",
        "leadminer_mailbox_refusals_total",
    )
    assert [read(name) for name in names] == [3, 1, 1]
    assert [word for word in ("jane", "secret", "127.0.0.1", "jo") if word in metrics.render().decode()] == []


def test_minings_are_shown_while_they_run(metrics: Metrics, tmp_path: Path) -> None:
    """The gauge of minings is what runs and waits at the moment."""
    with OddImap({"INBOX": OddFolder(dict(enumerate(mails(2), start=1)))}) as odd:
        stack = odd_stack(odd)
        runs = Runs(stack.opened(), claims=tmp_path, most=1)
        metrics.follow(runs)
        run = runs.start(MiningRequest("jo", stack.connector.source), stack.connector)
        during = metrics.registry.get_sample_value("leadminer_service_minings", {"state": "running"})
        assert run.begun.result(20) is None
        runs.stop()
        while runs.count:
            pass

    assert during == 1
    assert metrics.registry.get_sample_value("leadminer_service_minings", {"state": "running"}) == 0


async def test_ready_is_what_the_processor_is(
    client: httpx.AsyncClient, processor: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anybody can ask whether the service is ready; it asks the processor, but not at every request."""
    monkeypatch.setattr(health, "READY_SECONDS", 0.5)
    first = await asyncio.gather(*(client.get("/ready") for _ in range(20)))
    asked = processor.readies
    processor.away = True
    await asyncio.sleep(0.6)
    later = await client.get("/ready")

    assert {answer.status_code for answer in first} == {200}
    assert (asked, processor.readies) == (1, 2)
    assert (later.status_code, later.json()["code"]) == (503, "unavailable")


async def test_health_is_from_memory(client: httpx.AsyncClient) -> None:
    """A health check asks nobody."""
    answer = await client.get("/health")

    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
