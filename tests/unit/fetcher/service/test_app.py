"""The service's routes: who has access, what they answer, and what neither callers nor the log ever see."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.commands.cli import run
from fetcher.contacts.export import Format
from fetcher.mining.outcome import Progress
from fetcher.ports import LimitExceeded
from fetcher.service.app import make_app, make_room
from fetcher.service.contacts import PIECE_BYTES
from fetcher.service.doors import Doors
from fetcher.service.listener import make_server
from fetcher.service.runs import Run, Runs
from tests.support.fake_processor import TOKEN, FakeProcessor, running
from tests.support.fake_processor import contact as fake_contact
from tests.support.fetcher_fakes import MemoryJobQueue, MemoryRawStore
from tests.support.fetcher_stack import Stack, mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

SERVE_TOKEN = "the-token-of-the-service"
FIRST = "11111111-aaaa-4aaa-8aaa-000000000001"
SECOND = "22222222-aaaa-4aaa-8aaa-000000000002"
CALLS = [
    ("POST", "/users/local/minings"),
    ("GET", "/users/local/minings"),
    ("GET", f"/users/local/minings/{FIRST}"),
    ("GET", f"/users/local/minings/{FIRST}/report"),
    ("POST", f"/users/local/minings/{FIRST}/cancel"),
    ("POST", f"/users/local/minings/{FIRST}/retry"),
    ("GET", "/users/local/export"),
    ("GET", "/users"),
    ("GET", "/users/local/minings/"),
    ("GET", "/nothing"),
    ("DELETE", f"/users/local/minings/{FIRST}"),
    ("POST", "/health"),
]
"""Every route, and some paths that are not routes."""


def mining(identifier: str, state: str = "finished", *, cancelled: bool = False) -> dict[str, Any]:
    return {"id": identifier, "state": state, "cancelled": cancelled, "begun_at": "2026-01-02T10:00:00Z"}


def contact(number: int) -> dict[str, Any]:
    """Return a contact whose cells need care in every format."""
    return fake_contact(number, address=f"jané{number}@acme.com", alternate_names=["Jane; the other", "-1"])


class Service:
    """An application in front of a stack, and the minings that it runs."""

    def __init__(self, stack: bootstrap.Stack, claims: Path) -> None:
        self.runs = Runs(stack, claims=claims, most=1)
        self.app = make_app(make_room(stack, self.runs), Doors(token=SERVE_TOKEN))


def client_of(service: Service, token: str = SERVE_TOKEN) -> httpx.AsyncClient:
    """Return a client that calls a service without a network."""
    transport = httpx.ASGITransport(service.app)
    return httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {token}"}
    )


@pytest.fixture
def processor() -> Iterator[FakeProcessor]:
    """Yield a processor whose answers the test sets."""
    with running(FakeProcessor()) as fake:
        yield fake


@pytest.fixture
def service(processor: FakeProcessor, tmp_path: Path) -> Iterator[Service]:
    """Yield a service in front of that processor."""
    store = MemoryRawStore()
    with ProcessorClient(processor.url, TOKEN) as client:
        stack = bootstrap.Stack(store, MemoryJobQueue(store), client, embedded=False)
        yield Service(stack, tmp_path / "claims")


@pytest.fixture
async def client(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client with the right token."""
    async with client_of(service) as client:
        yield client


@pytest.mark.parametrize(("method", "path"), CALLS)
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Bearer {SERVE_TOKEN}x", f"Basic {SERVE_TOKEN}"]
)
async def test_without_the_token_there_is_401_and_nothing_else(
    service: Service, method: str, path: str, authorization: str | None
) -> None:
    """Without the right token, the answer does not reveal which minings or routes exist."""
    async with client_of(service) as client:
        del client.headers["authorization"]
        headers = {} if authorization is None else {"Authorization": authorization}
        response = await client.request(method, path, headers=headers)

    assert response.status_code == 401
    assert response.json()["error"] == "The service's token is missing or wrong: send it as Authorization: Bearer …"
    assert response.json()["code"] == "token"
    assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path"), CALLS[-5:])
async def test_what_is_no_route_is_unknown(client: httpx.AsyncClient, method: str, path: str) -> None:
    """With the token, an unknown route gets a 404 with a sentence."""
    response = await client.request(method, path)

    assert (response.status_code, response.json()["code"]) == (404, "unknown")


async def test_a_token_beyond_ascii_is_a_wrong_one(client: httpx.AsyncClient) -> None:
    """A non-ASCII token is treated like any wrong token."""
    response = await client.get("/users/local/minings", headers={b"Authorization": b"Bearer \xff\xc3\xa9"})

    assert response.status_code == 401


async def test_health_answers_anybody(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """A health check needs no token and makes no call to the processor."""
    processor.broken = True

    response = await client.get("/health", headers={"Authorization": ""})

    assert (response.status_code, response.json()["status"]) == (200, "ok")


@pytest.mark.parametrize(
    ("state", "cancelled", "shown"),
    [
        ("fetching", False, "left"),
        ("fetching", True, "waiting"),
        ("processing", False, "waiting"),
        ("refining", False, "waiting"),
        ("teardown", False, "waiting"),
        ("finished", False, "ended"),
        ("erased", False, "ended"),
    ],
)
async def test_a_mining_of_an_earlier_service_says_what_it_waits_for(
    client: httpx.AsyncClient, processor: FakeProcessor, state: str, cancelled: bool, shown: str
) -> None:
    """After a restart, all minings are still listed, and a remark says if the user has to do something."""
    processor.minings = [mining(FIRST, state, cancelled=cancelled), mining(SECOND)]

    one = (await client.get(f"/users/local/minings/{FIRST}")).json()
    every = (await client.get("/users/local/minings")).json()["minings"]

    assert one == every[0]
    assert (one["id"], one["state"], one["run"]) == (FIRST, state, shown)
    assert (one["progress"], one["trouble"]) == (None, None)
    assert ("start a mining of the same source with its password" in (one["remark"] or "")) is (shown == "left")
    assert [each["id"] for each in every] == [FIRST, SECOND]


async def test_a_mining_has_ended_once_its_source_may_be_mined_again(
    client: httpx.AsyncClient, service: Service, processor: FakeProcessor
) -> None:
    """A mining shows as ended only once the service has released its source, even if the processor finished earlier."""
    processor.minings = [mining(FIRST)]
    run = Run("local", FIRST, "jane@example.org", Progress(FIRST, state="fetching"))
    service.runs._running.append(run)
    before = (await client.get(f"/users/local/minings/{FIRST}")).json()
    service.runs._running.remove(run)

    after = (await client.get(f"/users/local/minings/{FIRST}")).json()

    assert [(one["state"], one["run"]) for one in (before, after)] == [("finished", "running"), ("finished", "ended")]


async def test_a_report_is_the_processors(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """A report is the processor's, with nothing left out."""
    processor.minings = [mining(FIRST)]
    processor.reports[FIRST] = {"id": FIRST, "state": "finished", "balanced": True, "ledger": {"listed": 7}}

    response = await client.get(f"/users/local/minings/{FIRST}/report")

    assert (response.status_code, response.json()) == (200, processor.reports[FIRST] | {"failures": []})


async def test_a_mining_is_cancelled(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """Cancelling answers with the mining's status."""
    processor.minings = [mining(FIRST, "fetching")]

    response = await client.post(f"/users/local/minings/{FIRST}/cancel")

    assert processor.cancelled == [FIRST]
    assert (response.status_code, response.json()["state"], response.json()["run"]) == (200, "processing", "waiting")


async def test_dead_segments_are_sent_again(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """A retry answers with the number of segments, or with the processor's code for why not."""
    processor.minings = [mining(FIRST, "processing")]
    processor.retry = (200, {"retried": 3})
    first = await client.post(f"/users/local/minings/{FIRST}/retry")
    processor.retry = (409, {"error": "Refining has begun.", "code": "refining"})

    second = await client.post(f"/users/local/minings/{FIRST}/retry")

    assert (first.status_code, first.json()) == (200, {"retried": 3})
    assert (second.status_code, second.json()["error"], second.json()["code"]) == (
        409,
        "Refining has begun.",
        "refining",
    )


@pytest.mark.parametrize(("method", "path"), [call for call in CALLS if FIRST in call[1] and call[0] != "DELETE"])
async def test_a_mining_that_is_not_there_is_unknown(client: httpx.AsyncClient, method: str, path: str) -> None:
    """A mining that does not exist or belongs to another user gets a 404."""
    missing = await client.request(method, path)
    anothers = await client.request(method, path.replace("local", "ann"))

    assert [response.status_code for response in (missing, anothers)] == [404, 404]
    assert missing.json()["code"] == "unknown"


@pytest.mark.parametrize("user", ["%20%00", "%0A", ".%2E", "u" * 201])
async def test_a_user_that_is_no_id_is_refused(client: httpx.AsyncClient, user: str) -> None:
    """A user id that cannot be part of a path is refused."""
    response = await client.get(f"/users/{user}/minings")

    assert response.status_code in (400, 404)


@pytest.mark.parametrize("form", Format)
@pytest.mark.parametrize("count", [0, 1, 2100])
async def test_an_export_is_that_of_the_command(
    client: httpx.AsyncClient,
    processor: FakeProcessor,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    form: Format,
    count: int,
) -> None:
    """An export equals the command's byte for byte, over all pages, in each format, and for an empty list too."""
    processor.contacts = [contact(number) for number in range(count)]
    for name, value in {
        "LEADMINER_HOME": str(tmp_path),
        "POSTGRES_CONNECTION_STRING": "postgresql://127.0.0.1:1/none",
        "REDIS_URL": "redis://127.0.0.1:1",
        "RAW_STORE_PATH": str(tmp_path),
        "PROCESSOR_URL": processor.url,
        "PROCESSOR_TOKEN": TOKEN,
    }.items():
        monkeypatch.setenv(name, value)

    response = await client.get("/users/local/export", params={"format": form, "source": "Me@example.org"})

    assert run(["export", "--format", form, "--output", str(tmp_path / "contacts")]) == 0
    assert response.status_code == 200
    assert response.content == (tmp_path / "contacts").read_bytes()
    assert response.headers["content-type"].startswith(("text/csv", "text/vcard", "application/jsonl"))
    assert "attachment" in response.headers["content-disposition"]
    assert response.headers["cache-control"] == "no-store"
    assert processor.sources[0] == "me@example.org"


async def test_an_export_takes_a_delimiter(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """An export accepts a delimiter, like the command."""
    processor.contacts = [contact(1)]

    response = await client.get("/users/local/export", params={"delimiter": ";"})

    assert response.text.startswith("\ufeffName;Email;")


@pytest.mark.parametrize("query", [{"format": "xlsx"}, {"format": ""}, {"delimiter": ",,"}, {"source": "imaps://x"}])
async def test_a_wrong_export_is_refused(client: httpx.AsyncClient, query: dict[str, str]) -> None:
    """A wrong export is refused before anything is sent."""
    response = await client.get("/users/local/export", params=query)

    assert (response.status_code, response.json()["code"]) == (400, "request")


async def test_an_export_that_cannot_begin_says_why(client: httpx.AsyncClient, processor: FakeProcessor) -> None:
    """An export that cannot start answers with an error, not with an empty file."""
    processor.fails_after_pages = 0

    response = await client.get("/users/local/export")

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


async def test_an_export_that_breaks_off_is_cut_off(
    service: Service, processor: FakeProcessor, capfd: pytest.CaptureFixture[str]
) -> None:
    """If an export breaks off, the connection is cut, and the log says so without a traceback."""
    processor.contacts = [contact(number) for number in range(3000)]
    processor.fails_after_pages = 1
    assert len(json.dumps(processor.contacts[:1000])) > PIECE_BYTES
    server = make_server(service.app)
    with socket.create_server(("127.0.0.1", 0)) as listening, capture_logs() as logs:
        task = asyncio.create_task(server.serve([listening]))
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/users/local/export"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {SERVE_TOKEN}"}) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(url)
        server.should_exit = True
        await task

    assert [(line["event"], line["code"]) for line in logs] == [("export broken off", "unavailable")]
    assert capfd.readouterr() == ("", "")


async def test_an_error_of_our_own_is_told_without_its_text(
    client: httpx.AsyncClient, processor: FakeProcessor
) -> None:
    """The log has the places that led to an internal error; neither the log nor the answer has its text."""
    processor.broken = True

    with capture_logs() as logs:
        response = await client.get("/users/local/minings")

    assert (response.status_code, response.json()["code"]) == (500, "error")
    [line] = logs
    assert line["event"] == "request failed"
    assert any("service/minings.py" in place for place in line["way"])
    assert "nobody may see" not in response.text + str(logs)


async def test_a_processor_that_does_not_answer_is_said(tmp_path: Path) -> None:
    """A processor that does not answer gives a 503, so the caller can try again later."""
    store = MemoryRawStore()
    with ProcessorClient("http://127.0.0.1:9", TOKEN) as nobody:
        stack = bootstrap.Stack(store, MemoryJobQueue(store), nobody, embedded=False)
        async with client_of(Service(stack, tmp_path)) as client:
            response = await client.get("/users/local/minings")

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


class Mail:
    """A mailbox, and a service that mines it with everything in memory."""

    def __init__(self, odd: OddImap, claims: Path) -> None:
        self.odd = odd
        self.stack: Stack = odd_stack(odd)
        self.service = Service(self.stack.opened(), claims)
        self.runs = self.service.runs
        self.order = {"source": f"imap://jane@127.0.0.1:{odd.port}", "password": "hunter2", "connections": 1}

    async def start(self, **changes: Any) -> httpx.Response:
        """Request a mining."""
        async with client_of(self.service) as client:
            return await client.post("/users/jo/minings", json=self.order | changes)

    async def rest(self) -> None:
        """Wait until no mining is running."""
        while self.runs.count:  # noqa: ASYNC110 - they end in their own threads
            await asyncio.sleep(0.01)


@pytest.fixture
async def mail(tmp_path: Path) -> AsyncIterator[Mail]:
    """Yield a mailbox of 450 messages with a service that runs at most one mining."""
    with OddImap({"INBOX": OddFolder(dict(enumerate(mails(450), start=1)))}) as odd:
        mail = Mail(odd, tmp_path / "claims")
        yield mail
        mail.stack.minings.idle = False
        await mail.rest()


async def test_a_start_is_answered_once_begun(mail: Mail) -> None:
    """A start is answered once the mining has begun, with its id and without the login."""
    with capture_logs() as logs:
        response = await mail.start()
        await mail.rest()

    [(identifier, begun)] = mail.stack.minings.minings.items()
    assert response.status_code == 202
    assert response.json() == {"id": identifier, "resumed": False}
    assert begun.ledger.processed == 450
    assert "hunter2" not in response.text + str(logs)
    assert "jane" not in str(logs)


@pytest.mark.parametrize(
    ("answers", "changes", "status", "code"),
    [
        (["NO wrong"], {}, 403, "login"),
        ([], {"folders": ["Nowhere"]}, 404, "unknown"),
        ([], {"source": "imap://jane@127.0.0.1:9"}, 502, "unreachable"),
        ([], {"scope": "everything"}, 400, "request"),
    ],
)
async def test_a_start_that_fails_is_answered_with_why(
    mail: Mail, answers: list[str], changes: dict[str, Any], status: int, code: str
) -> None:
    """A start that fails is answered with a sentence without the password, and no mining begins."""
    mail.odd.login_answers = answers

    response = await mail.start(**changes)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.json()["error"].endswith(".")
    assert "hunter2" not in response.text
    assert mail.stack.minings.minings == {}


async def test_a_mining_waits_for_its_turn(mail: Mail) -> None:
    """With room in line, a start is answered at once, and the mining is shown with its place until it runs."""
    mail.service.runs._longest = 1
    mail.stack.minings.idle = True
    await mail.start()
    async with client_of(mail.service) as client:
        second = await client.post("/users/ann/minings", json=mail.order)
        identifier = second.json()["id"]
        waiting = (await client.get(f"/users/ann/minings/{identifier}")).json()
        others = await client.get(f"/users/bob/minings/{identifier}")
        cancelled = (await client.post(f"/users/ann/minings/{identifier}/cancel")).json()
        after = (await client.get(f"/users/ann/minings/{identifier}")).json()

    assert (second.status_code, second.json()) == (202, {"id": identifier, "resumed": False, "place": 1})
    assert (waiting["id"], waiting["state"], waiting["run"], waiting["place"]) == (identifier, "queued", "queued", 1)
    assert "@" in waiting["source_name"]
    assert others.status_code == 404
    assert (cancelled["state"], cancelled["run"], cancelled["cancelled"]) == ("cancelled", "ended", True)
    assert after == cancelled


async def test_a_mining_whose_login_fails_after_waiting_says_so(mail: Mail) -> None:
    """Its status is the only way to learn of it, and it repeats no password."""
    mail.service.runs._longest = 1
    mail.stack.minings.idle = True
    await mail.start()
    mail.odd.login_answers = ["NO wrong"]
    async with client_of(mail.service) as client:
        second = await client.post("/users/ann/minings", json=mail.order)
        mail.stack.minings.idle = False
        await mail.rest()
        status = (await client.get(f"/users/ann/minings/{second.json()['id']}")).json()

    assert (status["state"], status["run"], status["trouble"]["code"]) == ("refused", "ended", "login")
    assert "hunter2" not in str(status)


async def test_what_a_server_refused_is_told_in_its_words(mail: Mail) -> None:
    """The folders that failed are in the status and the report, as long as this service remembers the mining."""
    inbox = mail.odd.folders["INBOX"]
    assert isinstance(inbox, OddFolder)
    inbox.refused = {7}

    identifier = (await mail.start()).json()["id"]
    await mail.rest()
    async with client_of(mail.service) as client:
        status = (await client.get(f"/users/jo/minings/{identifier}")).json()
        report = (await client.get(f"/users/jo/minings/{identifier}/report")).json()

    told = [{"folder": "INBOX", "reason": "refused", "messages": 1, "uids": [7], "said": "cannot read it"}]
    assert (status["run"], status["failures"], report["failures"]) == ("ended", told, told)


async def test_one_mining_too_many_may_ask_again(mail: Mail) -> None:
    """One mining too many is told to try again, and so is one that comes while the service stops."""
    mail.stack.minings.idle = True
    first = await mail.start()

    second = await mail.start()
    mail.runs.stop()
    third = await mail.start()

    assert [response.status_code for response in (first, second, third)] == [202, 429, 503]
    assert [response.json()["code"] for response in (second, third)] == ["busy", "stopping"]


async def test_other_settings_than_those_that_were_fixed_are_refused(mail: Mail) -> None:
    """Settings that differ from the fixed ones are refused with the processor's code and sentence."""
    mail.stack.break_store(lambda: LimitExceeded("The disk is full."))
    await mail.start(scope="text")
    await mail.rest()

    response = await mail.start(scope="full")

    assert (response.status_code, response.json()["error"], response.json()["code"]) == (
        409,
        "scope is fixed.",
        "fixed",
    )


async def test_the_openapi_document_is_behind_the_doors(client: httpx.AsyncClient) -> None:
    """The document is of OpenAPI 3.1; strangers do not get it."""
    strangers = await client.get("/openapi.json", headers={"Authorization": ""})
    document = await client.get("/openapi.json")

    assert (strangers.status_code, document.status_code) == (401, 200)
    assert document.json()["openapi"].startswith("3.1")
