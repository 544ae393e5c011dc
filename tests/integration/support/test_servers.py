"""The servers that other tests use."""

from pathlib import Path

import psycopg
import pytest
import redis

from tests.support.fixtures import require
from tests.support.servers import Postgres, Valkey

DEBIAN_POSTGRES = Path("/usr/lib/postgresql/15/bin")


def test_fresh_databases_are_apart(postgres: Postgres) -> None:
    """A table in one database is not visible in another."""
    first, second = postgres.fresh_database(), postgres.fresh_database()

    with psycopg.connect(first) as connection:
        connection.execute("CREATE TABLE mine (id int)")

    with psycopg.connect(second) as connection:
        assert connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_postgres_survives_a_kill() -> None:
    """A committed row survives kill -9 and a restart, even with sessions open."""
    with Postgres() as server, psycopg.connect(server.conninfo(), autocommit=True) as open_session:
        open_session.execute("CREATE TABLE kept AS SELECT 7 AS id")

        server.restart()

        with psycopg.connect(server.conninfo()) as connection:
            assert connection.execute("SELECT id FROM kept").fetchone() == (7,)


@pytest.mark.skipif(not DEBIAN_POSTGRES.exists(), reason="Debian's PostgreSQL 15 is not installed")
def test_other_binaries_serve_as_well() -> None:
    """The binaries can come from any installation."""
    with Postgres(DEBIAN_POSTGRES) as server, psycopg.connect(server.conninfo()) as connection:
        version = connection.info.server_version

    assert version // 10000 == 15


def test_valkey_survives_a_kill() -> None:
    """An acknowledged write survives kill -9 and a restart."""
    with Valkey() as server:
        with redis.Redis.from_url(server.url()) as client:
            client.xadd("jobs", {"job": "one"})

        server.restart()

        with redis.Redis.from_url(server.url()) as client:
            assert client.xlen("jobs") == 1


def test_fresh_url_is_empty(valkey: Valkey) -> None:
    """Each fresh connection string leads to an empty database, even when its number is reused."""
    for _ in range(20):
        with redis.Redis.from_url(valkey.fresh_url()) as client:
            found = client.dbsize()
            client.set("key", "value")

        assert found == 0


def test_missing_service_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing service skips the test locally and fails it if CI is set."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no such server"):
        require(False, "no such server")

    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no such server"):
        require(False, "no such server")
