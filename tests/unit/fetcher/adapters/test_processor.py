"""The client of the processor's HTTP API."""

import json
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme

from fetcher.adapters.processor import ProcessorClient
from fetcher.contacts.selection import Order, Selection
from fetcher.ports import Conflict, Denied, Invalid, LeaseLost, NotFound, Trouble, Unavailable
from schemas.minings import Beginning
from schemas.uids import UidRanges
from tests.support.http_stand_in import Answer, HttpStandIn

MINING = "0f8fad5b-d9cb-469f-a165-70867728950e"
STATUS: dict[str, Any] = {
    "id": MINING,
    "source_name": "jane@acme.com",
    "state": "processing",
    "cancelled": True,
    "begun_at": "2026-01-01T00:00:00Z",
    "listed": 9,
    "segments": {"sent": 3, "done": 1, "dead": 1},
    "messages": {"processed": 4, "duplicate": 2, "dead": 3},
    "chunks": 16,
    "chunks_refined": 5,
    "ledger": None,
    "receipt": None,
}
BEGUN: dict[str, Any] = {
    "id": MINING,
    "resumed": True,
    "state": "fetching",
    "lease": 4,
    "lease_seconds": 10.0,
    "settings": {
        "address": "jane@acme.com",
        "folders": ["INBOX"],
        "since": "2020-01-01",
        "scope": "headers",
        "as_of": "2026-01-01",
        "chunks": 16,
        "full": False,
        "own": ["jane@acme.com"],
    },
    "watermarks": {"90db275ed079ec5f": {"uidvalidity": 7, "uids": "1:5,9"}},
    "ledger": None,
    "receipt": None,
}
ASKED = Beginning(MINING, "jane@imap.acme.com:993", "jane@acme.com", 16, "me", folders=("INBOX",))


class Api(httpx.MockTransport):
    """Answers every request the same way, and records the requests."""

    def __init__(self, fields: object, status: int = 200) -> None:
        self.requests: list[httpx.Request] = []
        self._content = json.dumps(fields) if not isinstance(fields, str) else fields
        self._status = status
        super().__init__(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(self._status, text=self._content)

    def client(self) -> ProcessorClient:
        return ProcessorClient("http://127.0.0.1:1/base/", "secret", transport=self)


def test_begin() -> None:
    """Begin sends the request with the token, and reads the mining, its settings and its watermarks."""
    api = Api(BEGUN)

    with api.client() as client:
        begun = client.begin("a/b", asked=ASKED)

    request = api.requests[0]
    assert (request.method, request.url.raw_path) == ("POST", b"/base/users/a%2Fb/minings")
    assert request.headers["Authorization"] == "Bearer secret"
    assert json.loads(request.content) == {
        "id": MINING,
        "source": "jane@imap.acme.com:993",
        "address": "jane@acme.com",
        "chunks": 16,
        "holder": "me",
        "me": None,
        "folders": ["INBOX"],
        "since": None,
        "scope": None,
        "as_of": None,
        "full": None,
    }
    assert (begun.id, begun.resumed, begun.state, begun.lease, begun.lease_seconds) == (MINING, True, "fetching", 4, 10)
    fixed = begun.fixed
    assert (fixed.folders, fixed.since, fixed.scope, fixed.full) == (("INBOX",), "2020-01-01", "headers", False)
    assert fixed.own == ("jane@acme.com",)
    assert begun.watermarks["90db275ed079ec5f"].uidvalidity == 7
    assert begun.watermarks["90db275ed079ec5f"].uids == UidRanges.parse("1:5,9")


def test_begin_of_what_has_ended() -> None:
    """For a mining that has ended, begin returns only its state, ledger and receipt."""
    api = Api({"id": MINING, "resumed": False, "state": "finished", "ledger": {"listed": 1}, "receipt": {"objects": 2}})

    with api.client() as client:
        begun = client.begin("local", asked=ASKED)

    assert (begun.state, begun.ledger, begun.receipt) == ("finished", {"listed": 1}, {"objects": 2})


@pytest.mark.parametrize(
    ("call", "path", "body"),
    [
        (lambda client: client.renew("u", mining=MINING, lease=4), "/renew", {"lease": 4}),
        (
            lambda client: client.fetched("u", mining=MINING, lease=4, skipped={"vanished": 1}, failed={}),
            "/fetched",
            {"lease": 4, "skipped": {"vanished": 1}, "failed": {}},
        ),
        (lambda client: client.status("u", mining=MINING), "", None),
    ],
)
def test_statuses(call: Callable[[ProcessorClient], Any], path: str, body: object) -> None:
    """Renewing the lease, ending the fetching and asking for the status all return the mining's status."""
    api = Api(STATUS)

    with api.client() as client:
        status = call(client)

    request = api.requests[0]
    assert request.url.path == f"/base/users/u/minings/{MINING}{path}"
    assert (json.loads(request.content) if request.content else None) == body
    assert (status.state, status.cancelled, status.listed) == ("processing", True, 9)
    assert (status.sent, status.done, status.dead_segments) == (3, 1, 1)
    assert (status.processed, status.duplicate, status.dead) == (4, 2, 3)
    assert (status.chunks, status.chunks_refined) == (16, 5)


def test_contacts() -> None:
    """A page of contacts comes with the cursor of the next one; the query contains only the given arguments."""
    api = Api({"contacts": [{"address": "jane@acme.com"}], "after": "a+b"})

    with api.client() as client:
        page = client.contacts(
            "local", selection=Selection(q="Jané &", tag="role", order=Order.RECENT), after="x/y&z", limit=7
        )

    assert page == ([{"address": "jane@acme.com"}], "a+b")
    assert dict(api.requests[0].url.params) == {
        "q": "Jané &",
        "tag": "role",
        "order": "recent",
        "after": "x/y&z",
        "limit": "7",
    }


def test_a_total_is_asked_with_the_same_filters() -> None:
    """The total of a selection is asked with its filters; the order does not matter for it."""
    api = Api({"contacts": 3})

    with api.client() as client:
        totals = [client.total("local"), client.total("local", selection=Selection(since="2026-01-31"))]

    assert totals == [3, 3]
    assert [dict(request.url.params) for request in api.requests] == [{}, {"since": "2026-01-31"}]


def test_one_contact_is_asked_by_its_address() -> None:
    """An address is one piece of the path, whatever characters it has."""
    api = Api({"address": "a/b@acme.com"})

    with api.client() as client:
        found = client.contact("local", address="a/b@acme.com")

    assert found == {"address": "a/b@acme.com"}
    assert api.requests[0].url.raw_path == b"/base/users/local/contacts/a%2Fb%40acme.com"


@pytest.mark.parametrize(
    ("call", "method", "path", "answer", "told"),
    [
        (lambda c: c.ready(), "GET", "/ready", {"status": "ok"}, {"status": "ok"}),
        (lambda c: c.minings("u"), "GET", "/users/u/minings", {"minings": [STATUS]}, [STATUS]),
        (
            lambda c: c.report("u", mining="m"),
            "GET",
            "/users/u/minings/m/report",
            {"balanced": True},
            {"balanced": True},
        ),
        (lambda c: c.cancel("u", mining="m"), "POST", "/users/u/minings/m/cancel", STATUS, STATUS),
        (lambda c: c.retry("u", mining="m"), "POST", "/users/u/minings/m/retry", {"retried": 3}, 3),
        (lambda c: c.erase("u", address="a@b.com"), "POST", "/users/u/erase", {"contacts": 1}, {"contacts": 1}),
    ],
)
def test_the_other_calls(
    call: Callable[[ProcessorClient], Any], method: str, path: str, answer: object, told: object
) -> None:
    """Each call of the command line has its route, and returns what the API answers."""
    api = Api(answer)

    with api.client() as client:
        result = call(client)

    assert (api.requests[0].method, api.requests[0].url.path) == (method, f"/base{path}")
    assert result == told


@pytest.mark.parametrize(
    ("status", "code", "trouble"),
    [
        (400, "bad", Invalid),
        (401, "token", Denied),
        (404, "missing", NotFound),
        (409, "fixed", Conflict),
        (409, "lease", LeaseLost),
        (503, "store", Unavailable),
    ],
)
def test_problems(status: int, code: str, trouble: type[Trouble]) -> None:
    """A problem becomes the error of its kind, with the processor's own sentence."""
    api = Api({"error": "That will not do.", "code": code}, status)

    with api.client() as client, pytest.raises(trouble, match=r"^That will not do\.$") as refused:
        client.renew("local", mining=MINING, lease=1)

    assert type(refused.value) is trouble
    assert getattr(refused.value, "code", code) == code


@pytest.mark.parametrize(
    ("text", "status", "trouble"),
    [
        ("<html>", 200, NotFound),
        ("[]", 200, NotFound),
        ("{}", 200, NotFound),
        ('{"id": "x", "segments": [], "messages": 7}', 200, NotFound),
        ("<html>", 404, NotFound),
        ("<html>", 502, Unavailable),
        ("<html>", 401, Denied),
    ],
)
def test_what_is_no_processor(text: str, status: int, trouble: type[Trouble]) -> None:
    """If the address belongs to another service, the error names the address."""
    api = Api(text, status)

    with api.client() as client, pytest.raises(trouble, match=r"http://127\.0\.0\.1:1/base"):
        client.status("local", mining=MINING)


def test_nothing_there() -> None:
    """A processor that does not answer is Unavailable; the error names its address but not the token."""
    with (
        ProcessorClient("http://127.0.0.1:1", "secret") as client,
        pytest.raises(Unavailable, match=r"http://127\.0\.0\.1:1 does not answer") as refused,
    ):
        client.ready()

    assert "secret" not in str(refused.value)


def test_a_certificate_is_verified_by_the_authorities_that_are_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A processor with a private authority is reachable only if SSL_CERT_FILE names that authority."""
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(str(tmp_path / "authority.pem"))
    with HttpStandIn(lambda _: Answer(200, b'{"status": "ok"}'), tls=tls) as server:
        url = f"https://{server.host}"
        with ProcessorClient(url, "secret") as client, pytest.raises(Unavailable, match="does not answer"):
            client.ready()
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))

        with ProcessorClient(url, "secret") as client:
            ready = client.ready()

    assert ready == {"status": "ok"}
