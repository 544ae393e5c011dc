"""The commands that the documents give to people with their own servers do what the documents say."""

import shutil
import sys
from pathlib import Path

import psycopg
import pytest

from schemas.migrations import PERMANENT, read_migrations
from tests.support.dovecot import Dovecot, free_ports
from tests.support.fixtures import READER_MESSAGES, require
from tests.support.mailboxes import PASSWORD
from tests.support.servers import Postgres, Valkey
from tests.support.walk import Block, Reader, blocks_under

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a reader's folder with the checkout's schemas, a password and two tokens."""
    (tmp_path / "schemas").symlink_to(CHECKOUT / "schemas")
    (tmp_path / "raw").mkdir(mode=0o700)
    (tmp_path / "password.txt").write_text(PASSWORD)
    for name in ("token", "serve-token"):
        (tmp_path / name).write_text(f"{name}-of-a-test-that-is-long-enough")
    (tmp_path / "token-header.txt").write_text(f"Authorization: Bearer {(tmp_path / 'serve-token').read_text()}\n")
    return tmp_path


@pytest.fixture
def reader(folder: Path, inbox: Dovecot, postgres: Postgres, valkey: Valkey) -> Reader:
    """Return a reader who replaces the document's example servers with these."""
    processor, service = free_ports(2)
    source = f"imap://jane%40example.org@127.0.0.1:{inbox.port}"
    own = {
        "postgresql://miner@db.example.org/leadminer": f"'{postgres.fresh_database()}'",
        "redis://queue.example.org:6379/0": valkey.fresh_url(),
        "/var/lib/leadminer/raw": str(folder / "raw"),
        "/etc/leadminer/": f"{folder}/",
        "127.0.0.1:8080": f"127.0.0.1:{processor}",
        "127.0.0.1:8090": f"127.0.0.1:{service}",
        "imaps://jane@example.org@imap.example.org": source,
        "…": PASSWORD,
        # The reader leaves servers running in another terminal.
        " python -m processor\n": " python -m processor &\n",
        "leadminer serve\n": f"SERVE_LISTEN=127.0.0.1:{service} leadminer serve &\n",
    }
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "LEADMINER_HOME": str(folder / "home"),
        "POSTGRES_MINING_CONNECTION_STRING": postgres.fresh_database(),
    }
    return Reader(folder, environment, own, PASSWORD)


def until(port_of: str) -> str:
    """Return a shell command that waits for a server."""
    return f"curl -s --retry 100 --retry-connrefused --retry-delay 1 -o /dev/null {port_of}/health"


END = "kill $(jobs -p); wait || true"


def test_servers_of_ones_own(reader: Reader) -> None:
    """Migrations, a processor, `doctor` and a mining work as the page describes."""
    first, second = blocks_under("docs/self-host.md", "Your own servers")
    started = Block(first.heading, f"{first.commands}\n{until('http://127.0.0.1:8080')}")

    shown = reader.type(started, second, after=f"leadminer report\n{END}")

    assert f"listed  {READER_MESSAGES}" in shown
    assert shown.count("balances") >= 2


def test_the_fetchers_service(reader: Reader) -> None:
    """Started as the page describes, the service accepts the request shown there."""
    processor, mining = blocks_under("docs/self-host.md", "Your own servers")
    serve, order = blocks_under("docs/http-api.md", "The fetcher's service")
    url = mining.commands.splitlines()[0]
    before = Block("", f"{processor.commands}\n{until('http://127.0.0.1:8080')}\n{url}")
    served = Block("", f"{serve.commands}\n{until('http://127.0.0.1:8090')}")
    ended = "until leadminer report --user jane | grep ': balances'; do sleep 1; done"

    shown = reader.type(before, served, order, after=f"{ended}\n{END}")

    assert '"resumed":false' in shown
    assert f"listed  {READER_MESSAGES}" in shown


def test_supabase(reader: Reader, postgres: Postgres) -> None:
    """The migrations are applied as plain files, and the database records the version that a processor checks."""
    require(shutil.which("psql") is not None, "psql is not installed: apt-get install postgresql-client")
    database = postgres.fresh_database()

    reader.type(*blocks_under("docs/cloudflare.md", "Supabase"), before=f"export SUPABASE_DB_URL='{database}'")

    with psycopg.connect(database) as connection:
        version = connection.execute("SELECT leadminer.schema_version()").fetchone()
    assert version == (read_migrations(PERMANENT)[-1].id,)
