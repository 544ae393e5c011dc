"""PostgreSQL and Valkey as they are configured and started for the embedded default."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from fetcher.embedded.child import EmbeddedError
from fetcher.embedded.postgres import PostgresServer, postgres_account
from fetcher.embedded.valkey import ValkeyServer


@pytest.fixture
def folder() -> Iterator[Path]:
    """Yield a short folder with all that needs quoting in its name."""
    with tempfile.TemporaryDirectory(prefix='it\'s "ours" \\ ü ') as name:
        yield Path(name)


def test_postgres_runs_in_a_folder_of_any_name(folder: Path) -> None:
    """Blanks, quotes and letters beyond ASCII are understood in paths and connection strings."""
    server = PostgresServer(folder / "data", folder, folder / "log", settings={"fsync": "off"})

    server.start()
    try:
        server.create_databases("one", "two")
        server.create_databases("one", "two")
        with psycopg.connect(server.conninfo("two")) as connection:
            name = connection.info.dbname
    finally:
        server.stop()

    assert name == "two"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs a user namespace")
def test_root_without_user_namespaces_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where a namespace cannot be had, the sentence asks for an ordinary user or for servers."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EmbeddedError, match="as an ordinary user, or set POSTGRES_CONNECTION_STRING and REDIS_URL"):
        postgres_account()


def test_postgres_logs_nothing_of_what_statements_hold(folder: Path) -> None:
    """A statement that fails tells its client why, and leaves no word of mail in the log."""
    server = PostgresServer(folder / "data", folder, folder / "log", settings={"fsync": "off"})
    server.start()
    try:
        with (
            psycopg.connect(server.conninfo("postgres")) as connection,
            pytest.raises(psycopg.DataError, match="private text"),
        ):
            connection.execute("SELECT %s::int", ["private text"])
    finally:
        server.stop()

    assert "starting PostgreSQL" in (folder / "log").read_text()
    assert "private text" not in (folder / "log").read_text()


def test_valkey_runs_in_a_folder_of_any_name(folder: Path) -> None:
    """Blanks, quotes and letters beyond ASCII are understood in paths and connection strings."""
    server = ValkeyServer(folder / "data", folder, folder / "log")

    server.start()
    try:
        with redis.Redis.from_url(server.url()) as client:
            answered = client.ping()
    finally:
        server.stop()

    assert answered


def test_valkey_tells_why_it_does_not_start(folder: Path) -> None:
    """Data that it cannot read end the start, with its reason and the place of its log."""
    server = ValkeyServer(folder / "data", folder, folder / "log")
    (server.data / "appendonlydir").mkdir(parents=True)
    (server.data / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(EmbeddedError, match=r"Valkey did not start: .+ \(log: .*log\)\.") as refused:
        server.start()

    assert "\n" not in str(refused.value)


def test_postgres_tells_why_it_does_not_start(folder: Path) -> None:
    """A setting that it does not know ends the start, with its reason and the place of its log."""
    server = PostgresServer(folder / "data", folder, folder / "log", settings={"no_such_setting": "1"})

    with pytest.raises(EmbeddedError, match=r"PostgreSQL did not start: .+ \(log: .*log\)\.") as refused:
        server.start()

    assert "\n" not in str(refused.value)
