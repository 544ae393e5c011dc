"""A stand-in for Supabase's PostgREST: runs the permanent functions in a real PostgreSQL, and fails on demand.

It is as strict as the real one wherever that matters to us: the gateway's keys, the schema in Content-Profile,
arguments that match a function exactly, JSON parsed by PostgreSQL's own `json_to_record`, the service role, its
statement timeout, and PostgREST's HTTP statuses (docs.postgrest.org, "Errors", as of 2026).
"""

import contextlib
import json
import select
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool

from schemas.limits import SUPABASE_STATEMENT_SECONDS

SCHEMA = "leadminer"
SERVICE_KEY = "sb_secret_of-tests"
JWT_KEY = "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.of-tests"
"""A key of the new kind and one of the legacy kind (supabase.com/docs/guides/getting-started/api-keys, 2026-11)."""
JWT_PARTS = 3
BROWSER = "Mozilla/"
"""The gateway refuses secret keys to whatever calls itself a browser."""
POOL_CONNECTIONS = 10
LOOK_SECONDS = 0.05

_STATUS_BY_CODE = {"23503": 409, "23505": 409, "25006": 405, "42501": 403, "42883": 404, "42P01": 404, "P0001": 400}
_STATUS_BY_CLASS = {"08": 503, "0L": 403, "0P": 403, "28": 403, "53": 503} | dict.fromkeys(
    ("09", "25", "2D", "38", "39", "3B", "40", "54", "55", "57", "58", "F0", "HV", "P0", "XX"), 500
)


@dataclass
class Fault:
    """How the next `times` calls of `function` fail (of any function if empty).

    The caller gets `status`, or silence for `seconds` and then a closed connection. With `after_commit`, the function
    has done its work by then, and only the answer is lost.
    """

    status: int = 0
    times: int = 1
    function: str = ""
    seconds: float = 0.0
    after_commit: bool = False
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A status with a JSON body, or none."""

    status: int
    body: Any = None


class PostgRest:
    """The server on an ephemeral port of loopback; use it as a context manager."""

    def __init__(
        self, connection_string: str, *, key: str = SERVICE_KEY, statement_seconds: float = SUPABASE_STATEMENT_SECONDS
    ) -> None:
        self.key = key
        self._statement_ms = f"{statement_seconds * 1000:.0f}"
        self.calls: Counter[str] = Counter()
        self.kept_waiting: Counter[str] = Counter()
        """Callers that a fault keeps waiting `now`, and those that `hung up` while they waited."""
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self.stopping = threading.Event()
        self._pool = ConnectionPool(connection_string, min_size=1, max_size=POOL_CONNECTIONS, open=False)
        self._server = _Server(("127.0.0.1", 0), self)

    @property
    def url(self) -> str:
        """Return the value for SUPABASE_URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._pool.open(wait=True)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._pool.close()

    def fail(self, *faults: Fault) -> None:
        """Set the faults of the next calls, in this order; without arguments, clear them."""
        with self._lock:
            self._faults = list(faults)

    def take_fault(self, function: str) -> Fault | None:
        """Return the fault for this call, if any, and count it as used."""
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.function in ("", function):
                    fault.times -= 1
                    return fault
        return None

    def run(self, function: str, body: bytes) -> Answer:
        """Run a function under the service role, with its arguments from a JSON object."""
        try:
            arguments = json.loads(body or b"{}")
        except ValueError:
            return Answer(400, {"code": "PGRST102", "message": "Empty or invalid json"})
        self.calls[function] += 1
        try:
            with self._pool.connection() as connection, connection.transaction():
                connection.execute("SELECT set_config('statement_timeout', %s, true)", (self._statement_ms,))
                return _call(connection, function, arguments, body.decode() or "{}")
        except psycopg.OperationalError as error:
            return _describe(error) if error.sqlstate else Answer(503, {"code": "PGRST001", "message": "no database"})
        except psycopg.Error as error:
            return _describe(error)


def _call(connection: psycopg.Connection[Any], function: str, arguments: Any, text: str) -> Answer:
    connection.execute("SET LOCAL ROLE service_role")
    connection.execute("SELECT set_config('request.jwt.claims', '{\"role\": \"service_role\"}', true)")
    names = sorted(arguments) if isinstance(arguments, dict) else []
    rows = connection.execute(
        "SELECT p.proargnames[:p.pronargs], p.proargtypes::regtype[]::text[],"
        " (SELECT substr(setting, 19) FROM unnest(p.proconfig) AS setting WHERE setting LIKE 'statement\\_timeout=%%')"
        " FROM pg_proc AS p"
        " JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE n.nspname = %s AND p.proname = %s",
        (SCHEMA, function),
    ).fetchall()
    found = next((row for row in rows if sorted(row[0] or []) == names), None)
    if found is None:
        return Answer(404, {"code": "PGRST202", "message": f"Could not find the function {SCHEMA}.{function}"})
    if found[2] is not None:
        # PostgREST sets a function's own timeout before it calls it (docs.postgrest.org, "Function settings", 2026).
        connection.execute("SELECT set_config('statement_timeout', %s, true)", (found[2],))
    wanted = list(zip(found[0] or [], found[1], strict=True))
    result = connection.execute(_statement(function, wanted), (text,) if wanted else ()).fetchone()
    return Answer(200, result[0] if result else None)


def _statement(function: str, wanted: list[tuple[str, str]]) -> sql.Composed:
    name = sql.Identifier(SCHEMA, function)
    if not wanted:
        return sql.SQL("SELECT to_json({}())").format(name)
    given = [sql.SQL("{0} => a.{0}").format(sql.Identifier(argument)) for argument, _ in wanted]
    # The type names come from PostgreSQL's catalog.
    kinds = [sql.SQL("{} ").format(sql.Identifier(argument)) + sql.SQL(kind) for argument, kind in wanted]
    return sql.SQL("SELECT to_json({}({})) FROM json_to_record(%s::json) AS a ({})").format(
        name, sql.SQL(", ").join(given), sql.SQL(", ").join(kinds)
    )


def _describe(error: psycopg.Error) -> Answer:
    code = error.sqlstate or "XX000"
    status = _STATUS_BY_CODE.get(code) or _STATUS_BY_CLASS.get(code[:2], 400)
    return Answer(status, {"code": code, "message": error.diag.message_primary, "details": None, "hint": None})


def _refuse_jwt(shown: str) -> Answer:
    """Refuse a bearer token as PostgREST does."""
    parts = shown.removeprefix("Bearer ").count(".") + 1
    said = "JWSError JWSInvalidSignature" if parts == JWT_PARTS else f"Expected {JWT_PARTS} parts in JWT; got {parts}"
    return Answer(401, {"code": "PGRST301", "message": said})


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], rest: PostgRest) -> None:
        self.rest = rest
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing: tests make callers hang up on purpose."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        """Answer `POST /rest/v1/rpc/<function>`."""
        rest = self.server.rest
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        function = self.path.removeprefix("/rest/v1/rpc/")
        fault = rest.take_fault(function)
        if fault is not None and not fault.after_commit:
            self._fail(fault)
            return
        answer = self._refusal() or rest.run(function, body)
        if fault is None:
            self._send(answer)
        else:
            self._fail(fault)

    def do_GET(self) -> None:
        """Refuse GET, which the processor never uses."""
        self._send(Answer(405, {"code": "PGRST117", "message": "Unsupported HTTP method"}))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the standard library's
        """Log nothing, since requests contain bodies and keys."""

    def _refusal(self) -> Answer | None:
        if refused := self._refused_key():
            return refused
        if not self.path.startswith("/rest/v1/rpc/"):
            return Answer(404, {"message": "no Route matched with those values"})
        if self.headers.get("content-profile") != SCHEMA:
            return Answer(406, {"code": "PGRST106", "message": f"The schema must be one of the following: {SCHEMA}"})
        if self.headers.get_content_type() != "application/json":
            return Answer(415, {"code": "PGRST102", "message": "Content-Type not acceptable"})
        return None

    def _refused_key(self) -> Answer | None:
        """Return the gateway's or PostgREST's refusal of the key; a secret key and a JWT are shown differently."""
        key, shown = self.server.rest.key, self.headers.get("authorization")
        if self.headers.get("apikey") != key:
            return Answer(401, {"message": "Invalid API key"})
        if key.startswith("sb_secret_"):
            if BROWSER in self.headers.get("user-agent", ""):
                return Answer(401, {"message": "Forbidden use of secret API key in browser"})
            return None if shown is None else _refuse_jwt(shown)
        if shown is None:  # without a bearer token, PostgREST's role is anon
            return Answer(401, {"code": "42501", "message": f"permission denied for schema {SCHEMA}"})
        return None if shown == f"Bearer {key}" else _refuse_jwt(shown)

    def _fail(self, fault: Fault) -> None:
        if fault.status:
            self._send(Answer(fault.status, {"message": "told to fail"}), fault.headers or {})
            return
        kept = self.server.rest.kept_waiting
        kept["now"] += 1
        kept["hung up"] += self._wait(fault.seconds)
        kept["now"] -= 1
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(2)

    def _wait(self, seconds: float) -> bool:
        """Stay silent for `seconds`, and return whether the caller hung up meanwhile."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not self.server.rest.stopping.wait(min(seconds, LOOK_SECONDS)):
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return True
        return False

    def _send(self, answer: Answer, headers: Mapping[str, str] | None = None) -> None:
        data = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        for name, value in {"content-type": "application/json; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
