"""A processor's HTTP API that answers with what a test put there, and refuses requests outside the contract."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "token-of-tests"
MINING = re.compile(r"/users/([^/]+)/minings/([0-9a-f-]{36})(/report|/cancel|/retry)?")
FILTERS = ("q", "tag", "source", "since", "mining")
ORDERS = ("warmth", "recent", "name")
FIRST_MINING = "00000000-0000-4000-8000-000000000001"
Answer = tuple[int, dict[str, Any]]
NOT_FOUND = {
    "error": "Not found: this user has no such mining or contact, or the API has no such path.",
    "code": "unknown",
}


@dataclass
class FakeProcessor:
    """What a processor holds for one user, and what it was asked."""

    user: str = "local"
    minings: list[dict[str, Any]] = field(default_factory=list)
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: list[dict[str, Any]] = field(default_factory=list)
    retry: Answer = (200, {"retried": 0})
    erased: list[str | None] = field(default_factory=list)
    erases: int = 1
    """How many contacts an erasure reports."""
    suppressed: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    sources: list[str | None] = field(default_factory=list)
    selections: list[dict[str, str]] = field(default_factory=list)
    """The parameters of each list of contacts that was read, without `after` and `limit`."""
    asked: Counter[str] = field(default_factory=Counter)
    """How often each path was asked for."""
    fails_after_pages: int | None = None
    broken: bool = False
    away: bool = False
    """Whether a database behind it does not answer."""
    url: str = ""

    def answer(self, method: str, target: str, token: str, body: bytes) -> Answer:
        """Answer one request according to the contract."""
        parts = urlsplit(target)
        self.asked[parts.path] += 1
        query = {name: values[0] for name, values in parse_qs(parts.query, strict_parsing=bool(parts.query)).items()}
        if (method, parts.path) == ("GET", "/health"):
            return 200, {"status": "ok", "version": "1.2.3"}
        if token != f"Bearer {TOKEN}":
            return 401, {"error": "A valid token is required: send the header Authorization: Bearer …", "code": "token"}
        if (method, parts.path) == ("GET", "/ready"):
            return 200, {"status": "ok", "version": "1.2.3"}
        if self.away:
            return 503, {"error": "The database does not answer now: try again later.", "code": "unavailable"}
        if self.broken:
            return 200, {"minings": [{"unforeseen": "mail text that nobody may see"}]}
        if unquote(parts.path.split("/")[2]) != self.user:
            return 404, NOT_FOUND
        match method, parts.path.split("/", 3)[3]:
            case "GET", "minings":
                return 200, {"minings": self.minings}
            case "GET", "contacts":
                return self._page(query)
            case "GET", "total":
                return 200, {"contacts": len(self._selected(query))}
            case "GET", path if path.startswith("contacts/"):
                return self._contact(unquote(path.removeprefix("contacts/")))
            case "GET", "address":
                return self._address(query["address"])
            case "GET", "suppressions":
                return 200, {"suppressions": [sha256(each.encode()).hexdigest() for each in self.suppressed]}
            case "POST", "erase":
                return self._erase(json.loads(body))
            case "POST", "allow":
                return self._allow(json.loads(body))
        found = MINING.fullmatch(parts.path)
        return self._mining(method, found[2], found[3] or "", body) if found else (404, NOT_FOUND)

    def _mining(self, method: str, mining: str, call: str, body: bytes | str) -> Answer:
        known = {one["id"]: one for one in self.minings}
        if mining not in known:
            return 404, NOT_FOUND
        match method, call:
            case "GET", "":
                return 200, known[mining]
            case "GET", "/report":
                return 200, self.reports[mining]
            case "POST", "/cancel":
                self.cancelled.append(mining)
                discards = bool(body) and json.loads(body).get("discard", False)
                known[mining]["state"] = "failed" if discards else known[mining]["state"]
                if known[mining]["state"] == "fetching":
                    known[mining]["state"] = "processing"
                return 200, known[mining]
            case "POST", "/retry":
                return self.retry
        return 404, NOT_FOUND

    def _page(self, query: dict[str, str]) -> Answer:
        if not 1 <= int(query["limit"]) <= 1000:
            return 400, {"error": "limit must be a number from 1 to 1000.", "code": "request"}
        if query.get("order", "warmth") not in ORDERS or not query.get("after", "0").isdecimal():
            return 400, {"error": "order or after is wrong.", "code": "request"}
        start = int(query.get("after", "0"))
        if not start:
            self.sources.append(query.get("source"))
            self.selections.append({name: value for name, value in query.items() if name not in ("after", "limit")})
        if self.fails_after_pages is not None and start >= self.fails_after_pages * int(query["limit"]):
            return 503, {
                "error": "The database, queue or store does not answer now: try again later.",
                "code": "unavailable",
            }
        page = self._selected(query)[start : start + int(query["limit"])]
        return 200, {"contacts": page, "after": str(start + len(page)) if page else None}

    def _selected(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """Return the contacts that match; the order stays that of the test."""
        unknown = set(query) - {*FILTERS, "order", "after", "limit"}
        if unknown:
            raise ValueError(f"a parameter outside the contract: {unknown}")
        words = query.get("q", "").casefold().split()
        return [
            each
            for each in self.contacts
            if all(word in f"{each['name']} {each['address']}".casefold() for word in words)
            and query.get("tag") in (None, *(tag["name"] for tag in each["tags"]))
            and query.get("source") in (None, *each["sources"])
            and query.get("since", "") <= (each["recency"] or "")
            and query.get("mining") in (None, each.get("first_mining", FIRST_MINING))
        ]

    def _contact(self, address: str) -> Answer:
        for each in self.contacts:
            if each["address"] == address.lower():
                return 200, detail(each)
        return 404, NOT_FOUND

    def _address(self, address: str) -> Answer:
        known = {contact["address"] for contact in self.contacts}
        return 200, {"contact": address.lower() in known, "suppressed": address in self.suppressed}

    def _allow(self, body: dict[str, Any]) -> Answer:
        allowed = body["address"] in self.suppressed
        self.suppressed = [each for each in self.suppressed if each != body["address"]]
        return 200, {"allowed": allowed}

    def _erase(self, body: dict[str, Any]) -> Answer:
        if set(body) != {"address"}:
            return 400, {"error": "address must be a string, or null to erase everything.", "code": "request"}
        self.erased.append(body["address"])
        return 200, {"contacts": self.erases, "minings": 0, "keys": "00ff"}


@contextmanager
def running(fake: FakeProcessor) -> Iterator[FakeProcessor]:
    """Serve a fake processor on loopback, at the address in its `url`."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status, fields = fake.answer(self.command, self.path, self.headers.get("Authorization", ""), body)
            data = json.dumps(fields).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _serve  # noqa: N815 - the names that http.server calls

        def log_message(self, *arguments: object) -> None:
            """Print nothing, to keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()


def contact(number: int, **changed: Any) -> dict[str, Any]:
    """Return a contact as the processor gives it; each number is another person."""
    return {
        "address": f"jane{number}@acme.com",
        "name": "Jane Doe",
        "recency": "2022-04-05T14:46:20Z",
        "seniority": None,
        "occurrence": 3,
        "sender": 2,
        "recipient": 1,
        "conversations": 1,
        "replied_conversations": 1,
        "temperature": 52,
        "tags": [{"name": "professional", "reachability": 1, "source": "email_address", "count": 3}],
        "alternate_names": [],
        "alternate_emails": [],
        "sources": ["me@example.org"],
        **changed,
    }


def detail(known: dict[str, Any]) -> dict[str, Any]:
    """Return everything about a contact as the processor gives it, for a contact as it is in a list."""
    names = [known["name"], *known["alternate_names"]] if known["name"] else []
    return {
        **known,
        "fields": {"sender": known["sender"], "recipient": known["recipient"]},
        "first": known["seniority"],
        "last": known["recency"],
        "names": [{"name": name, "messages": 2, "latest": known["recency"], "signed": True} for name in names],
        "tags": [
            {
                "name": tag["name"],
                "reachability": tag["reachability"],
                "source": tag["source"],
                "messages": tag["count"],
                "rule": "The address is at a domain of its own, such as a company's.",
            }
            for tag in known["tags"]
        ],
        "first_mining": known.get("first_mining", FIRST_MINING),
        "last_mining": known.get("last_mining", FIRST_MINING),
    }
