"""The fetcher's HTTP service on real servers: it does what the command does, and survives being stopped or killed."""

import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from demo.people import OWNER
from fetcher.embedded.child import Child
from fetcher.exits import Exit
from infra.docker.processors import STOP_SECONDS
from schemas.ledger import Ledger
from tests.support import house as houses
from tests.support.dovecot import Dovecot
from tests.support.house import AS_OF, BASELINE_USER, Account, House, kill, slowed, wait_until
from tests.support.mailboxes import PASSWORD

TOKEN = "a-token-of-the-service-of-tests"
STREAMS = 200
SECRETS = (PASSWORD, TOKEN, houses.TOKEN, OWNER, quote(OWNER), "@acme.com", "Subject", "Hello")
"""What no log may contain: passwords, tokens, addresses, mail."""


class Service:
    """A running `leadminer serve` and its client."""

    def __init__(self, child: Child, url: str, mailbox: Dovecot) -> None:
        self.child = child
        self.client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
        self.order = {
            "source": f"imap://{quote(OWNER, safe='')}@127.0.0.1:{mailbox.port}",
            "password": PASSWORD,
            "as_of": AS_OF,
        }

    @property
    def log(self) -> str:
        """Return the service's log."""
        return self.child.log.read_text(errors="replace")

    def is_well(self) -> bool:
        """Return whether the service answers."""
        try:
            return self.client.get("/health", headers={"Authorization": ""}).status_code == 200
        except httpx.HTTPError:
            return False

    def start(self, user: str, **changes: Any) -> httpx.Response:
        """Request a mining of the mailbox, and return the response."""
        return self.client.post(f"/users/{user}/minings", json=self.order | changes)

    def begin(self, user: str) -> str:
        """Start a mining, and return its id."""
        response = self.start(user)
        assert response.status_code == 202, response.text
        return str(response.json()["id"])

    def show(self, user: str, mining: str) -> dict[str, Any]:
        """Return a mining's status."""
        status: dict[str, Any] = self.client.get(f"/users/{user}/minings/{mining}").json()
        return status

    def wait_ended(self, user: str, mining: str) -> dict[str, Any]:
        """Wait for a mining to end, and return its status."""
        wait_until(lambda: bool(self.show(user, mining)["run"] == "ended"))
        return self.show(user, mining)

    def hold(self, house: House) -> None:
        """Stop the process once it has stored some segments of its mining but not all."""
        assert self.child.process is not None
        house.stop_half_way(self.child.process)

    def signal(self, number: signal.Signals) -> None:
        """Send the process a signal."""
        assert self.child.process is not None
        self.child.process.send_signal(number)

    def stop(self) -> int | None:
        """Stop the service as a container engine does, and return its exit code."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        assert self.child.process is not None
        return self.child.process.wait(60)


Start = Callable[..., Service]


@pytest.fixture
def serve(house: House, friendly: Dovecot, tmp_path: Path) -> Iterator[Start]:
    """Yield a function that starts a service on the stack's servers; at the end, check that no log holds a secret."""
    services: list[Service] = []

    def start(*, home: str = "home", **settings: str) -> Service:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            child = Child(
                "service",
                [sys.executable, "-m", "fetcher.commands.cli", "serve"],
                tmp_path / f"service-{len(services)}.log",
                environment=house.settings
                | {"PROCESSOR_URL": house.url, "LEADMINER_HOME": str(house.folder / home)}
                | {"SERVE_LISTEN": f"fd:{listening.fileno()}", "SERVE_TOKEN": TOKEN}
                | settings,
                pass_fds=(listening.fileno(),),
            )
            child.launch()
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        services.append(Service(child, url, friendly))
        wait_until(services[-1].is_well, seconds=30)
        return services[-1]

    yield start
    for service in services:
        service.client.close()
        kill(service.child.process)
    logs = [service.log for service in services] + [path.read_text() for path in house.folder.glob("*.log")]
    assert "service started" in logs[0]
    assert [secret for secret in SECRETS for log in logs if secret in log] == []
    assert "Traceback" not in "".join(logs)


@contextmanager
def held(house: House, friendly: Dovecot, user: str) -> Iterator[None]:
    """Let `leadminer mine` hold the mailbox inside the `with` block, and finish it afterwards."""
    command = house.start_mine(user, friendly.port)
    house.stop_half_way(command)
    yield
    command.send_signal(signal.SIGCONT)
    assert house.end_command(command).code == Exit.OK


def test_a_mining_over_http_is_that_of_the_command(
    house: House, serve: Start, baseline: Account, tmp_path: Path
) -> None:
    """A mining started, watched, reported and exported over HTTP gives the same contacts and ledger, byte for byte."""
    service = serve()
    mining = service.begin("by-http")
    seen = [service.show("by-http", mining)]
    while seen[-1]["run"] != "ended":
        seen.append(service.show("by-http", mining))

    report = service.client.get(f"/users/by-http/minings/{mining}/report").json()
    exports = {
        form: service.client.get("/users/by-http/export", params={"format": form}).content
        for form in ("csv", "vcard", "jsonl")
    }

    assert house.account("by-http") == baseline
    assert (report["balanced"], report["ledger"]) == (True, baseline.ledger)
    assert {status["run"] for status in seen} >= {"running", "ended"}
    assert max(status["progress"]["fetched"] for status in seen if status["progress"]) > 0
    assert [one["id"] for one in service.client.get("/users/by-http/minings").json()["minings"]] == [mining]
    for form, exported in exports.items():
        file = tmp_path / form
        house.leadminer("export", "--user", BASELINE_USER, "--format", form, "--output", str(file))
        assert exported == file.read_bytes()
    assert service.stop() == 0


def test_the_whole_way_over_http(house: House, serve: Start) -> None:
    """Folders, a mining and its end, a search, why a contact is here, an export and an erasure: all over HTTP."""
    service = serve()
    login = {"source": service.order["source"], "password": PASSWORD}
    get, post = service.client.get, service.client.post
    folders = post("/users/whole/folders", json=login).json()["folders"]
    mining = service.begin("whole")
    ended = everything(watch(service, "whole", mining, end="Connection: close\r\n")).split(b"event: ended")
    totals = json.loads(ended[1].split(b"data: ")[1].splitlines()[0])["totals"]

    first = get("/users/whole/contacts", params={"limit": 1}).json()["contacts"][0]
    word = first["address"].partition("@")[0]
    found = get("/users/whole/contacts", params={"q": word, "mining": mining}).json()["contacts"]
    why = get(f"/users/whole/contacts/{quote(first['address'])}").json()
    cards = get("/users/whole/export", params={"format": "vcard3", "q": word}).text
    receipt = post("/users/whole/erase", json={"address": first["address"]}).json()
    gone = get(f"/users/whole/contacts/{quote(first['address'])}")
    suppressed = get("/users/whole/suppressions").json()["suppressions"]
    allowed = post("/users/whole/allow", json={"address": first["address"]}).json()

    assert {each["name"]: each["mined"] for each in folders}["INBOX"] is True
    assert totals["contacts"] == totals["new"] > 0
    assert totals["reachable"] >= totals["contacts"]
    assert first["address"] in [each["address"] for each in found]
    assert why["first_mining"] == mining
    assert all(tag["rule"] for tag in why["tags"])
    assert "VERSION:3.0" in cards
    assert (receipt["contacts"], gone.status_code, len(suppressed), allowed) == (1, 404, 1, {"allowed": True})


def test_who_may_not_is_refused(house: House, serve: Start) -> None:
    """A wrong token gets 401, a wrong password gets 403 and is not repeated, and no mining is created."""
    service = serve()

    strangers = service.client.post(
        "/users/refused/minings", json=service.order, headers={"Authorization": "Bearer of nothing"}
    )
    mistyped = service.start("refused", password=f"not {PASSWORD}")

    assert (strangers.status_code, strangers.json()["code"]) == (401, "token")
    assert (mistyped.status_code, mistyped.json()["code"]) == (403, "login")
    assert "refuses the login" in mistyped.json()["error"]
    assert PASSWORD not in mistyped.text
    assert service.client.get("/users/refused/minings").json() == {"minings": []}


def test_operators_see_it_from_outside(house: House, serve: Start) -> None:
    """Both say that they are well, and count what happened, without a secret or a user."""
    service = serve()
    service.start("seen-by-nobody", password=f"not {PASSWORD}")

    ready = service.client.get("/ready")
    shown = service.client.get("/metrics").text, httpx.get(f"{house.url}/metrics").text

    assert ready.status_code == 200
    assert "leadminer_mailbox_refusals_total 1.0" in shown[0]
    assert 'leadminer_service_requests_total{status="403"} 1.0' in shown[0]
    assert 'leadminer_up{part="queue"} 1.0' in shown[1]
    assert 'leadminer_up{part="database"} 1.0' in shown[1]
    assert [word for word in (*SECRETS, "seen-by-nobody") for text in shown if word in text] == []


def test_a_cancelled_mining_keeps_what_it_has(house: House, serve: Start, baseline: Account) -> None:
    """What was stored is counted and refined, and with the next mining the result is that of an undisturbed run."""
    service = serve()
    mining = service.begin("cancelled-by-http")
    service.hold(house)
    assert service.child.process is not None
    with slowed(service.child.process):
        answer = service.client.post(f"/users/cancelled-by-http/minings/{mining}/cancel")
        status = service.wait_ended("cancelled-by-http", mining)

    service.wait_ended("cancelled-by-http", service.begin("cancelled-by-http"))

    assert (answer.status_code, answer.json()["cancelled"]) == (200, True)
    assert Ledger.from_json(status["ledger"]).imbalance() == []
    assert status["ledger"]["skipped"]["cancelled"] > 0
    assert house.counted("cancelled-by-http") == baseline.messages
    assert house.contacts("cancelled-by-http") == baseline.contacts


def test_what_a_stop_left_is_resumed_by_the_same_request(house: House, serve: Start, baseline: Account) -> None:
    """SIGTERM in mid-mining stores what is in flight, and the next service resumes with the usual result."""
    first = serve()
    mining = first.begin("stopped")
    first.hold(house)
    code = first.stop()
    second = serve()
    left = second.show("stopped", mining)

    again = second.start("stopped")
    second.wait_ended("stopped", mining)

    assert code == 0
    assert '"event": "mining left"' in first.log
    assert (left["state"], left["run"], left["progress"]) == ("fetching", "left", None)
    assert "with its password" in left["remark"]
    assert (again.status_code, again.json()) == (202, {"id": mining, "resumed": True})
    assert house.account("stopped") == baseline


def test_what_a_killed_container_left_is_resumed_by_another(house: House, serve: Start, baseline: Account) -> None:
    """The new container does not have the old one's locks; it resumes once the killed service's lease has expired."""
    first = serve(home="first")
    mining = first.begin("killed")
    first.hold(house)
    assert kill(first.child.process)
    second = serve(home="second")
    left = second.show("killed", mining)

    early = second.start("killed")
    wait_until(lambda: second.start("killed").status_code == 202, seconds=75, look_seconds=0.5)
    second.wait_ended("killed", mining)

    assert left["run"] == "left"
    assert (early.status_code, early.json()["code"]) == (409, "held")
    assert "try again 60 seconds later" in early.json()["error"]
    assert house.account("killed") == baseline


def test_the_command_beside_a_service_leaves_its_source_alone(
    house: House, friendly: Dovecot, serve: Start, baseline: Account
) -> None:
    """On the same machine a lock stops the command; its error says why, and the service's mining is not disturbed."""
    service = serve()
    mining = service.begin("both")
    service.hold(house)

    here = house.mine("both", friendly.port)
    service.signal(signal.SIGCONT)
    service.wait_ended("both", mining)

    assert here.code == Exit.HELD
    assert "Another leadminer on this machine is reading" in here.err
    assert house.account("both") == baseline


def test_a_service_leaves_the_source_of_a_command_alone(
    house: House, friendly: Dovecot, serve: Start, baseline: Account
) -> None:
    """A lock stops it on the same machine, a lease elsewhere; it still shows the command's mining."""
    service, elsewhere = serve(), serve(home="elsewhere")
    with held(house, friendly, "commanded"):
        [shown] = service.client.get("/users/commanded/minings").json()["minings"]
        by_lock, by_lease = service.start("commanded"), elsewhere.start("commanded")

    assert shown["run"] == "left"
    assert [(answer.status_code, answer.json()["code"]) for answer in (by_lock, by_lease)] == [(409, "held")] * 2
    assert "on this machine" in by_lock.json()["error"]
    assert "Another fetcher" in by_lease.json()["error"]
    assert house.account("commanded") == baseline


def test_a_stop_ends_all_streams_at_once(house: House, serve: Start, baseline: Account) -> None:
    """SIGTERM with 200 streams and a mining in flight: each stream is told, the service ends in time, all resumes."""
    first = serve()
    mining = first.begin("watched")
    assert first.child.process is not None
    with slowed(first.child.process):
        streams = [watch(first, "watched", mining) for _ in range(STREAMS)]
        for stream in streams:
            while b"event: state" not in stream.recv(65536, socket.MSG_PEEK):
                time.sleep(0.001)
    first.hold(house)
    began = time.monotonic()
    code = first.stop()
    took = time.monotonic() - began
    told = [everything(stream) for stream in streams]
    second = serve()
    again = second.begin("watched")  # resumes the mining, or finds nothing new if all was read before the stop
    for each in {mining, again}:
        second.wait_ended("watched", each)

    assert (code, took < STOP_SECONDS) == (0, True)
    assert [b"event: stopping" in each or b"event: ended" in each for each in told] == [True] * STREAMS
    assert house.account("watched") == baseline


def watch(service: Service, user: str, mining: str, *, end: str = "") -> socket.socket:
    """Ask for a mining's stream of events, and return its connection."""
    url = service.client.base_url
    stream = socket.create_connection((url.host, url.port or 0), timeout=60)
    request = f"GET /users/{user}/minings/{mining}/events HTTP/1.1\r\nHost: {url.host}\r\n"
    stream.sendall(f"{request}{end}Authorization: Bearer {TOKEN}\r\n\r\n".encode())
    return stream


def everything(stream: socket.socket) -> bytes:
    """Return all that a connection gives until it is closed."""
    with stream, stream.makefile("rb") as answers:
        return answers.read()


def test_no_more_minings_run_than_the_setting_allows(house: House, serve: Start) -> None:
    """A request over the limit gets 429, and is accepted once another mining has ended."""
    service = serve(SERVE_MININGS="1", SERVE_WAITING="0")
    mining = service.begin("first-of-two")
    service.hold(house)
    assert service.child.process is not None
    with slowed(service.child.process):
        refused = service.start("second-of-two")
    service.wait_ended("first-of-two", mining)
    wait_until(lambda: service.start("second-of-two").status_code == 202, seconds=10)

    assert (refused.status_code, refused.json()["code"]) == (429, "busy")
    [second] = service.client.get("/users/second-of-two/minings").json()["minings"]
    service.wait_ended("second-of-two", second["id"])


def test_a_service_with_a_weak_token_does_not_start(house: House, tmp_path: Path) -> None:
    """It says what to set and exits with the code for a wrong setting."""
    weak = {"SERVE_TOKEN": "too short"}
    environment = house.settings | {"PROCESSOR_URL": house.url, "LEADMINER_HOME": str(tmp_path)} | weak
    child = Child(
        "service", [sys.executable, "-m", "fetcher.commands.cli", "serve"], tmp_path / "log", environment=environment
    )

    child.launch()
    assert child.process is not None

    assert child.process.wait(30) == Exit.SETTINGS
    assert "SERVE_TOKEN" in child.last_words()
    assert "too short" not in child.last_words()
