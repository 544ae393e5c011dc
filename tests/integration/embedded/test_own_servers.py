"""PostgreSQL and Valkey as the embedded default configures and starts them."""

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
    """Yield a folder with a short path whose name has every character that needs quoting."""
    with tempfile.TemporaryDirectory(prefix='it\'s "ours" \\ ü ') as name:
        yield Path(name)


def test_postgres_runs_in_a_folder_of_any_name(folder: Path) -> None:
    """Spaces, quotes and non-ASCII letters work in paths and connection strings."""
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
    """If user namespaces are not allowed, the error says to use an ordinary user or other servers."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(EmbeddedError, match="as an ordinary user, or set POSTGRES_CONNECTION_STRING and REDIS_URL"):
        postgres_account()


def test_postgres_logs_nothing_of_what_statements_hold(folder: Path) -> None:
    """A failing statement tells its client why, and leaves no mail in the log."""
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
    """Spaces, quotes and non-ASCII letters work in paths and connection strings."""
    server = ValkeyServer(folder / "data", folder, folder / "log")

    server.start()
    try:
        with redis.Redis.from_url(server.url()) as client:
            answered = client.ping()
    finally:
        server.stop()

    assert answered


def test_valkey_tells_why_it_does_not_start(folder: Path) -> None:
    """If Valkey cannot read its data, the error gives its reason and the path of its log."""
    server = ValkeyServer(folder / "data", folder, folder / "log")
    (server.data / "appendonlydir").mkdir(parents=True)
    (server.data / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")

    with pytest.raises(EmbeddedError, match=r"Valkey did not start: .+ \(log: .*log\)\.") as refused:
        server.start()

    assert "\n" not in str(refused.value)


def test_postgres_tells_why_it_does_not_start(folder: Path) -> None:
    """If PostgreSQL does not know a setting, the error gives its reason and the path of its log."""
    server = PostgresServer(folder / "data", folder, folder / "log", settings={"no_such_setting": "1"})

    with pytest.raises(EmbeddedError, match=r"PostgreSQL did not start: .+ \(log: .*log\)\.") as refused:
        server.start()

    assert "\n" not in str(refused.value)
