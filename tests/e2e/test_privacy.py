"""Mail text, addresses and credentials stay out of everything that is kept, logged or shown."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from fetcher.embedded.start import Endpoints, start
from tests.support.dovecot import Dovecot
from tests.support.place import Place

LOGIN = "canary-owner@example.org"
PASSWORD = "canary-password-7f3a"
SECRETS = ("canary-owner", "canary-sender", "canary-subject", "canary-text", "canary-folder", "canary-password")
KEPT = ("users", "watermarks", "messages")
"""The tables of the temporary database that outlive a mining."""


def mail(number: int) -> bytes:
    return (
        f"Message-ID: <canary-id-{number}@acme.com>\r\nDate: Mon, 5 Jan 2026 10:00:{number % 60:02d} +0000\r\n"
        f"From: Canary <canary-sender{number % 7}@acme.com>\r\nTo: {LOGIN}\r\nSubject: canary-subject\r\n\r\n"
        f"canary-text\r\n"
    ).encode()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Endpoints]]:
    home = tmp_path_factory.mktemp("leadminer") / "home"
    with Dovecot() as server, start(home) as endpoints:
        server.add_user(LOGIN, PASSWORD)
        server.deliver(LOGIN, "INBOX", map(mail, range(600)))
        server.deliver(LOGIN, "canary-folder", map(mail, range(300, 900)))
        yield Place(server, home, LOGIN, PASSWORD), endpoints


def find_secrets(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


def texts_of(connection_string: str, *, schema: str, tables: tuple[str, ...] | None = None) -> str:
    """Return all rows of a schema's tables, or of the given tables, as text."""
    with psycopg.connect(connection_string) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", (schema,)
        ).fetchall()
        rows = [
            connection.execute(f'SELECT row(t.*)::text FROM {schema}."{name}" AS t'.encode()).fetchall()
            for (name,) in names
            if tables is None or name in tables
        ]
    return "\n".join(text for table in rows for (text,) in table)


def watch_processes(place: Place, user: str) -> tuple[str, str]:
    """Mine; return every argument list, and every environment except the command's own, seen meanwhile."""
    seen: set[str] = set()
    environments: set[str] = set()
    started = place.start_mining(user=user)
    while started.poll() is None:
        for process in psutil.process_iter():
            try:
                seen.add("\0".join(process.cmdline()))
                if process.pid != started.pid:
                    environments.add(str(process.environ()))
            except psutil.Error:
                continue
        time.sleep(0.02)
    assert started.communicate()[1] is not None
    assert started.returncode == 0
    return "\n".join(seen), "\n".join(environments)


def test_no_argument_list_or_environment_holds_a_password(served: tuple[Place, Endpoints]) -> None:
    """A list of processes shows neither a password nor the API's token."""
    place, endpoints = served

    arguments, environments = watch_processes(place, "watched")

    assert "canary-password" not in arguments + environments
    assert endpoints.processor_token not in arguments


def test_what_stays_holds_nothing_of_the_mail(served: tuple[Place, Endpoints]) -> None:
    """After a mining, no raw mail or temporary row is left, and logs, queue and kept tables reveal no mail."""
    place, endpoints = served
    assert place.mine(user="after").returncode == 0

    logs = "\n".join(path.read_text(errors="replace") for path in place.home.rglob("*.log"))
    raw = [path for path in endpoints.raw_store_path.rglob("*") if path.is_file()]
    mining = texts_of(endpoints.postgres_mining_connection_string, schema="public", tables=KEPT)
    temporary = texts_of(
        endpoints.postgres_mining_connection_string,
        schema="public",
        tables=("minings", "segments", "points", "persons", "chunks", "guard"),
    )
    with redis.Redis.from_url(endpoints.redis_url) as client:
        queued = str([client.xrange(key) for key in client.keys("leadminer:*")])

    assert logs
    assert find_secrets(logs) == []
    assert raw == []
    assert temporary == ""
    assert find_secrets(mining) == []
    assert mining
    assert find_secrets(queued) == []


def test_ledger_and_receipt_hold_numbers_and_reasons_only(served: tuple[Place, Endpoints]) -> None:
    """The permanent record of a mining reveals nothing of its mail; folders appear only as digests."""
    place, endpoints = served

    place.mine("--folder", "INBOX", "--folder", "canary-missing", user="ledger")

    with psycopg.connect(endpoints.postgres_connection_string) as connection:
        rows = connection.execute(
            "SELECT ledger::text || receipt::text FROM leadminer.minings WHERE user_id = 'ledger'"
        ).fetchall()
    assert len(rows) == 1
    assert '"missing"' in rows[0][0]
    assert find_secrets(rows[0][0]) == []


def test_jobs_on_disk_carry_no_mail(served: tuple[Place, Endpoints]) -> None:
    """The queue's append-only log, which records every job, contains no mail text and no addresses."""
    place, _ = served
    assert place.mine("--full", user="jobs").returncode == 0

    journals = list(place.home.rglob("*.aof"))

    held = "\n".join(path.read_bytes().decode("utf-8", "replace") for path in journals)
    assert "segment" in held
    assert find_secrets(held) == []


def test_a_password_in_the_url_is_refused_and_not_repeated(served: tuple[Place, Endpoints]) -> None:
    """It would show up in the shell's history and in process lists."""
    place, _ = served

    done = place.run("mine", f"imaps://jo:{PASSWORD}@localhost:{place.server.tls_port}")

    assert done.returncode == 2
    assert PASSWORD not in done.stdout + done.stderr


def test_no_process_may_leave_a_core_file(served: tuple[Place, Endpoints]) -> None:
    """The core file limit is zero in every process that may hold mail in memory."""
    place, _ = served

    ours = [process for process in psutil.process_iter() if str(place.home) in _folder(process)]

    assert len(ours) >= 3
    assert {process.rlimit(psutil.RLIMIT_CORE) for process in ours} == {(0, 0)}


def _folder(process: psutil.Process) -> str:
    try:
        return f"{process.cwd()} {' '.join(process.cmdline())}"
    except psutil.Error:
        return ""


def test_home_is_for_its_owner_alone(served: tuple[Place, Endpoints]) -> None:
    """No other user of the machine has access to the data directory or the folders in it."""
    place, _ = served

    open_to_others = [path for path in top_level(place.home) if path.stat().st_mode & 0o077]

    assert open_to_others == []


def top_level(home: Path) -> list[Path]:
    return [home, *(path for path in home.iterdir() if path.is_dir())]
