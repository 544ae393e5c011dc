"""D1's schema as a resource: what it sends, what it refuses, and that Pulumi's helper can run it."""

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
    """D1's query API over SQLite: a batch is one transaction."""

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
        """Say nothing."""


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Iterator[sqlite3.Connection]:
    """Return the database behind an API that the environment names."""
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
    """What the state remembers is what the database has on record."""
    provider = D1SchemaProvider()

    created = provider.create(PROPERTIES)
    updated = provider.update("id", PROPERTIES, PROPERTIES)

    assert created.outs == updated.outs == PROPERTIES
    assert dict(database.execute(READ_RECORD).fetchall()) == PROPERTIES["migrations"]


def test_a_database_that_is_up_to_date_is_left_alone(database: sqlite3.Connection) -> None:
    """A second run writes nothing."""
    migrate(D1Client("a", "d"))
    before = database.total_changes

    migrate(D1Client("a", "d"))

    assert database.total_changes == before


def test_the_difference_is_what_was_added() -> None:
    """The same files are no change; another database is a replacement; edited history fails the preview."""
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
    """The status and the reason; the token is in neither."""
    monkeypatch.setenv(TOKEN, "a-wrong-token")

    with pytest.raises(D1Refused, match=r"D1 answered 403: .*Authentication error") as refused:
        migrate(D1Client("a", "d"))

    assert "a-wrong-token" not in str(refused.value)


def test_a_missing_token_and_an_absent_server_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with what to do."""
    monkeypatch.setenv(BASE_URL, "http://127.0.0.1:9")
    monkeypatch.delenv(TOKEN, raising=False)
    with pytest.raises(D1Refused, match="CLOUDFLARE_API_TOKEN is not set"):
        migrate(D1Client("a", "d"))
    monkeypatch.setenv(TOKEN, GOOD_TOKEN)
    with pytest.raises(D1Refused, match="Run `pulumi up` again"):
        migrate(D1Client("a", "d"))


def test_pulumis_helper_runs_the_provider_in_the_programs_folder() -> None:
    """Nothing in this folder hides a package that the SDK needs, and what is pickled is found and holds no secret."""
    pickled = base64.b64encode(serialize()).decode()
    code = f"import base64, dill, pulumi.dynamic; print(type(dill.loads(base64.b64decode('{pickled}'))))"

    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, cwd=CHECKOUT / "infra", capture_output=True, text=True, timeout=60, check=False)

    assert "infra.cloudflare.schema.D1SchemaProvider" in done.stdout, done.stderr
    assert len(pickled) < 200


def serialize() -> bytes:
    """Return the provider as the SDK puts it into the state."""
    from pulumi.dynamic.dynamic import serialize_provider  # private to the SDK: only a test looks into it

    return base64.b64decode(serialize_provider(D1SchemaProvider()))
