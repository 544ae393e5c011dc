"""D1's schema resource applies migrations, refuses edited ones, and runs in Pulumi's helper."""

import base64
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from infra.cloudflare.schema import BASE_URL, TOKEN, D1Client, D1Refused, D1SchemaProvider, migrate
from infra.migrations import READ_RECORD, describe, read_d1_migrations
from schemas.migrations import RefusedMigrations
from tests.support.stacks import CHECKOUT

GOOD_TOKEN = "a-token-of-tests"
PROPERTIES = {"account_id": "a", "database_id": "d", "migrations": describe(read_d1_migrations())}


class D1(BaseHTTPRequestHandler):
    """D1's query API on SQLite; a batch is one transaction."""

    database: sqlite3.Connection

    def do_POST(self) -> None:
        """Run a batch."""
        batch = json.loads(self.rfile.read(int(self.headers["content-length"])))["batch"]
        if self.headers["authorization"] != f"Bearer {GOOD_TOKEN}":
            return self.answer(403, {"errors": [{"message": "Authentication error"}]})
        assert self.path == "/accounts/a/d1/database/d/query"
        cursor = self.database.cursor()
        cursor.row_factory = sqlite3.Row
        cursor.execute("BEGIN")
        results = [{"results": [dict(row) for row in cursor.execute(each["sql"], each["params"])]} for each in batch]
        cursor.execute("COMMIT")
        return self.answer(200, {"success": True, "result": results})

    def answer(self, status: int, body: Any) -> None:
        """Answer in JSON."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Yield the database behind the API; the environment has the API's address."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (D1,), {"database": connection}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setenv(BASE_URL, f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv(TOKEN, GOOD_TOKEN)
    yield connection
    server.shutdown()
    thread.join()
    server.server_close()
    connection.close()


def test_creating_applies_all_and_updating_what_is_left(database: sqlite3.Connection) -> None:
    """Create and update leave the same checksums in the state and in the database."""
    provider = D1SchemaProvider()

    created = provider.create(PROPERTIES)
    updated = provider.update("id", PROPERTIES, PROPERTIES)

    assert created.outs == updated.outs == PROPERTIES
    assert dict(database.execute(READ_RECORD).fetchall()) == PROPERTIES["migrations"]


def test_a_database_that_is_up_to_date_is_left_alone(database: sqlite3.Connection) -> None:
    """A second run changes nothing."""
    migrate(D1Client("a", "d"))
    before = database.total_changes

    migrate(D1Client("a", "d"))

    assert database.total_changes == before


def test_the_difference_is_what_was_added() -> None:
    """Added migrations are an update, another database is a replacement, and edited migrations are refused."""
    provider = D1SchemaProvider()
    more = PROPERTIES | {"migrations": {**describe(read_d1_migrations()), "9999_more": "c"}}
    elsewhere = PROPERTIES | {"database_id": "e"}
    edited = PROPERTIES | {"migrations": dict.fromkeys(describe(read_d1_migrations()), "edited")}

    assert provider.diff("id", PROPERTIES, PROPERTIES).changes is False
    assert provider.diff("id", PROPERTIES, more).changes is True
    assert provider.diff("id", PROPERTIES, elsewhere).replaces == ["database_id"]
    with pytest.raises(RefusedMigrations, match="edited after it was applied"):
        provider.diff("id", PROPERTIES, edited)


def test_what_cloudflare_refuses_is_told(database: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal is reported with status and reason, without the token."""
    monkeypatch.setenv(TOKEN, "a-wrong-token")

    with pytest.raises(D1Refused, match=r"D1 answered 403: .*Authentication error") as refused:
        migrate(D1Client("a", "d"))

    assert "a-wrong-token" not in str(refused.value)


def test_a_missing_token_and_an_absent_server_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing token and an unreachable server are reported with what to do."""
    monkeypatch.setenv(BASE_URL, "http://127.0.0.1:9")
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(D1Refused, match="CLOUDFLARE_API_TOKEN is not set"):
        migrate(D1Client("a", "d"))
    monkeypatch.setenv(TOKEN, GOOD_TOKEN)
    with pytest.raises(D1Refused, match="Run `pulumi up` again"):
        migrate(D1Client("a", "d"))


def test_pulumis_helper_runs_the_provider_in_the_programs_folder() -> None:
    """Pulumi's helper can load the provider from the program's folder, and the pickled provider has no secret."""
    pickled = base64.b64encode(serialize()).decode()
    code = f"import base64, dill, pulumi.dynamic; print(type(dill.loads(base64.b64decode('{pickled}'))))"

    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=CHECKOUT / "infra", capture_output=True, text=True, timeout=60, check=False)

    assert "infra.cloudflare.schema.D1SchemaProvider" in done.stdout, done.stderr
    assert len(pickled) < 200


def serialize() -> bytes:
    """Return the provider as the SDK stores it in the state."""
    from pulumi.dynamic.dynamic import serialize_provider  # private to the SDK, so only used in this test

    return base64.b64decode(serialize_provider(D1SchemaProvider()))
