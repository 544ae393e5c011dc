"""`python -m processor` says in a sentence what is missing, works until told to stop, and stops cleanly."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from schemas.migrations import PERMANENT, read_migrations

CREDENTIAL = "pass-phrase-of-the-test"
SETTINGS = {
    "POSTGRES_CONNECTION_STRING": f"postgresql://leadminer:{CREDENTIAL}@127.0.0.1:1/leadminer",
    "REDIS_URL": f"redis://:{CREDENTIAL}@127.0.0.1:1/0",
    "RAW_STORE_PATH": "/nowhere",
    "PROCESSOR_TOKEN": CREDENTIAL,
}


def run(*arguments: str, **changed: str | None) -> "subprocess.CompletedProcess[str]":
    """Run the processor with only these settings in its environment."""
    given = {name: value for name, value in {**SETTINGS, **changed}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-m", "processor", *arguments],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True,
        text=True,
        timeout=60,
    )


LIBRARY = """
import logging
from processor.entry_container import set_up_logging
set_up_logging()
try:
    raise ValueError("canary")
except ValueError:
    logging.getLogger("a.library").exception("canary %s", "canary")
logging.getLogger("a.library").warning("canary")
"""


def test_what_libraries_log_says_nothing_of_the_mail() -> None:
    """An error that a library logs is shown by its class only: its text and traceback could quote mail."""
    done = subprocess.run([sys.executable, "-c", LIBRARY], capture_output=True, text=True, check=True)

    assert done.stderr.splitlines() == ["a.library ERROR ValueError", "a.library WARNING"]


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_a_missing_setting_is_named(name: str) -> None:
    """The processor exits with code 3 and names the missing setting."""
    done = run(**{name: None})

    assert done.returncode == 3
    assert name in done.stderr


@pytest.mark.parametrize(
    "changed",
    [
        {"STORAGE_MODE": "cloudflare"},
        {"STORAGE_MODE": "files"},
        {"CLOUDFLARE_QUEUES": "q"},
        {"CLOUDFLARE_R2_BUCKET": "b"},
        {"CLOUDFLARE_D1_DATABASE": "d"},
        {"SWEEP_SECONDS": "often"},
        {"PROCESSOR_TOKEN": f"{CREDENTIAL} and more"},
        {"PROCESSOR_TOKEN": f"{CREDENTIAL}\n"},
        {"PROCESSOR_TOKEN_PREVIOUS": f"{CREDENTIAL} and more"},
    ],
)
def test_a_contradictory_setting_is_named(changed: dict[str, str]) -> None:
    """The processor exits with code 3 and names the wrong setting."""
    done = run(**changed)

    assert done.returncode == 3
    assert next(iter(changed)) in done.stderr
    assert CREDENTIAL not in done.stderr


def test_a_database_that_is_away_is_named_without_its_password() -> None:
    """The processor exits with code 8 and one sentence, without a traceback or a credential."""
    done = run()

    assert done.returncode == 8
    assert "127.0.0.1:1" in done.stderr
    assert CREDENTIAL not in done.stderr
    assert "Traceback" not in done.stderr


def test_the_permanent_database_is_migrated_alone(database: str) -> None:
    """`migrate-permanent` needs no other setting, so a deployment can run it without its processors' settings."""
    others = dict.fromkeys(SETTINGS)
    done = run("migrate-permanent", **others | {"POSTGRES_CONNECTION_STRING": database})
    unset = run("migrate-permanent", **others)

    with psycopg.connect(database) as connection:
        [version] = connection.execute("SELECT leadminer.schema_version()").fetchone() or [None]
    assert (done.returncode, version) == (0, read_migrations(PERMANENT)[-1].id)
    assert (unset.returncode, "POSTGRES_CONNECTION_STRING is not set" in unset.stderr) == (3, True)


def test_an_unknown_command_is_refused() -> None:
    """The processor exits with code 2 and prints its usage."""
    done = run("dance")

    assert done.returncode == 2
    assert "usage" in done.stderr


def test_it_works_until_it_is_told_to_stop(database: str, redis_url: str, tmp_path: Path) -> None:
    """It migrates both databases, works, and exits with code 0 on SIGTERM."""
    (tmp_path / "raw").mkdir()
    settings = {
        "POSTGRES_CONNECTION_STRING": database,
        "POSTGRES_MINING_CONNECTION_STRING": database.replace("/test_", "/mining_test_"),
        "REDIS_URL": redis_url,
        "RAW_STORE_PATH": str(tmp_path / "raw"),
        "PROCESSOR_TOKEN": CREDENTIAL,
        "PROCESSOR_LISTEN": "127.0.0.1:0",
    }
    migrated = run("migrate", **settings)
    with subprocess.Popen(
        [sys.executable, "-m", "processor"],
        env={"PATH": os.environ["PATH"], **settings},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()

    assert migrated.returncode == 0, migrated.stderr
    assert "processor started" in first
    assert "processor stopped" in rest
    assert process.returncode == 0
