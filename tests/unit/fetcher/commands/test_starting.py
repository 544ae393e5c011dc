"""What a command starts and loads before it answers, and the command that stops the embedded servers."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fetcher.commands.cli import run
from fetcher.embedded.home import Home
from fetcher.exits import Exit
from tests.support.dovecot import free_ports
from tests.support.fake_processor import TOKEN, FakeProcessor, running
from tests.support.odd_imap import OddImap

SLOW = {"httpx", "imapclient", "psycopg", "redis", "tenacity"}
"""Libraries that take longer to import than a whole command may take."""
LOADED = "import sys; from fetcher.commands.cli import run; run(sys.argv[1:]); print(*sys.modules, file=sys.stderr)"


OWN = {
    "POSTGRES_CONNECTION_STRING": "postgresql://127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1",
    "RAW_STORE_PATH": "/nowhere",
    "PROCESSOR_URL": "http://127.0.0.1:1",
    "PROCESSOR_TOKEN": "secret",
}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """Return the data directory of the embedded servers, which are not running."""
    for name in os.environ:
        if name.startswith(("POSTGRES_", "REDIS_", "CLOUDFLARE_", "PROCESSOR_", "LEADMINER_", "RAW_", "STORAGE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEADMINER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IMAP_PASSWORD", "secret")
    return Home(tmp_path / "home")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["mine", "--help"], ["contacts", "--help"]])
def test_help_loads_no_library_that_is_slow(arguments: list[str]) -> None:
    """A command that only explains itself imports nothing that talks to a server."""
    done = subprocess.run([sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True)

    assert {module.partition(".")[0] for module in done.stderr.split()} & SLOW == set()


def test_a_reader_loads_no_mail_and_no_queue(home: Home) -> None:
    """A command that reads through the HTTP API imports neither the IMAP client nor the queue's."""
    with running(FakeProcessor()) as fake:
        servers = OWN | {"PROCESSOR_URL": fake.url, "PROCESSOR_TOKEN": TOKEN, "RAW_STORE_PATH": str(home.folder)}
        done = subprocess.run(
            [sys.executable, "-c", LOADED, "contacts"],
            env=os.environ | servers,
            capture_output=True,
            text=True,
            check=True,
        )

    assert {module.partition(".")[0] for module in done.stderr.split()} & {"imapclient", "redis"} == set()


@pytest.mark.parametrize(("answer", "code"), [(None, Exit.UNREACHABLE), ("NO wrong password", Exit.AUTHENTICATION)])
def test_a_mailbox_that_cannot_be_opened_starts_nothing(home: Home, answer: str | None, code: Exit) -> None:
    """A wrong host or a refused login is told before any server starts."""
    with OddImap({}) as odd:
        odd.login_answers = [answer] if answer else []
        port = odd.port if answer else free_ports(1)[0]

        ended = run(["mine", f"imap://jane@127.0.0.1:{port}"])

    assert ended == code
    assert not home.postgres.exists()


def test_a_mailbox_is_listed_while_the_servers_start(home: Home, tmp_path: Path) -> None:
    """A mining that finds no folder ends with that, although its servers cannot start: it did not wait for them."""
    home.postgres.mkdir(parents=True)
    (home.postgres / "PG_VERSION").write_text("9\n")
    (tmp_path / "password").write_text("secret")
    with OddImap({}) as odd:
        mine = ["mine", f"imap://jane@127.0.0.1:{odd.port}", "--password-file", str(tmp_path / "password")]

        codes = (run([*mine, "--folder", "None"]), run(mine))

    assert codes == (Exit.UNKNOWN, Exit.UNAVAILABLE)


def test_stop_says_when_there_is_nothing_to_stop(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """Without servers, `stop` succeeds and says so, and creates nothing."""
    code = run(["stop"])

    assert (code, capsys.readouterr().err) == (Exit.OK, "No embedded servers are running.\n")
    assert not home.folder.exists()


def test_stop_leaves_servers_alone_that_another_command_uses(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    """While another command uses the servers, `stop` refuses, and says what to do."""
    home.prepare()
    descriptor = home.lock("users.lock", shared=True)
    assert descriptor is not None

    code = run(["stop"])
    os.close(descriptor)

    assert code == Exit.HELD
    assert "Another leadminer is using the embedded servers" in capsys.readouterr().err


def test_stop_does_not_stop_servers_of_ones_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other servers configured, `stop` says that it is not for them."""
    for name, value in OWN.items():
        monkeypatch.setenv(name, value)

    code = run(["stop"])

    assert code == Exit.USAGE
    assert "your settings name your own servers" in capsys.readouterr().err
