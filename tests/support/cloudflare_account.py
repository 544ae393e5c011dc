"""Stands in for what preflight calls: Cloudflare's REST API (tokens and their permissions), R2's S3 API, Supabase."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

ACCOUNT = "0123456789abcdef0123456789abcdef"
ZONE = "f" * 32
LISTS = ("d1/database", "r2/buckets", "queues", "workers/scripts")


@dataclass
class Token:
    """A token: its status, and which lists of the account it can read."""

    status: str = "active"
    may: tuple[str, ...] = LISTS
    of_account: bool = False


@dataclass
class CloudflareAccount:
    """The API on an ephemeral port of loopback; use it as a context manager."""

    tokens: dict[str, Token] = field(default_factory=dict)
    subdomain: str = "example"
    zones: Mapping[str, str] = field(default_factory=lambda: {ZONE: "example.org"})
    answers: dict[str, tuple[int, Any]] = field(default_factory=dict)
    """Fixed answers by path, which override the usual ones."""
    date: str | None = None
    seen: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return the API's address."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        account = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                account.seen.append((self.path, dict(self.headers)))
                status, body = account.answer(self.path, self.headers.get("authorization", ""))
                text = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                self.do_GET()

            def date_time_string(self, timestamp: float | None = None) -> str:
                return account.date or super().date_time_string(timestamp)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is the standard library's)
                """Log nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, authorization: str) -> tuple[int, Any]:
        """Return a request's status and body."""
        path = path.partition("?")[0].removeprefix("/client/v4/")
        if path in self.answers:
            return self.answers[path]
        token = self.tokens.get(authorization.removeprefix("Bearer "))
        if token is None:
            return refuse(401, 1000)
        if path in ("user/tokens/verify", f"accounts/{ACCOUNT}/tokens/verify"):
            asked_as_account = path.startswith("accounts/")
            return done({"status": token.status}) if token.of_account == asked_as_account else refuse(401, 1000)
        if path.startswith("zones/"):
            name = self.zones.get(path.removeprefix("zones/"))
            return done({"name": name}) if name else refuse(403, 9109)
        if not path.startswith(f"accounts/{ACCOUNT}/"):
            return refuse(404, 7003)
        product = path.removeprefix(f"accounts/{ACCOUNT}/")
        if product == "workers/subdomain":
            return done({"subdomain": self.subdomain})
        return done([]) if product in token.may else refuse(403, 10000)


def done(result: Any) -> tuple[int, Any]:
    """Return the API's answer to a successful request."""
    return 200, {"success": True, "errors": [], "result": result}


def refuse(status: int, code: int) -> tuple[int, Any]:
    """Return the API's answer to a refused request."""
    return status, {"success": False, "errors": [{"code": code, "message": "no"}], "result": None}
