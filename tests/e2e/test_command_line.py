"""The command line as a person uses it: a real mailbox, the embedded servers, and a real terminal if it matters."""

import csv
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from fetcher.embedded.start import start
from fetcher.exits import Exit
from fetcher.mining.claims import claim_source
from tests.support.dovecot import Dovecot
from tests.support.place import LEADMINER, Place

LOGIN, LARGE, PASSWORD = "me@example.org", "large@example.org", "correct horse battery"
PEOPLE = 40
IN_TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"


def _mail(number: int) -> bytes:
    return (
        f"Message-ID: <{number}@acme.com>\r\nDate: Mon, 5 Jan 2026 10:00:{number % 60:02d} +0000\r\n"
        f"From: Person {number % PEOPLE} <person{number % PEOPLE}@acme.com>\r\nTo: {LOGIN}\r\n"
        f"Subject: no {number}\r\n\r\nHello {number}.\r\n"
    ).encode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    home = tmp_path_factory.mktemp("leadminer") / "home"
    with Dovecot() as server, start(home):
        server.add_user(LOGIN, PASSWORD)
        server.deliver(LOGIN, "INBOX", map(_mail, range(400)))
        yield Place(server, home, LOGIN, PASSWORD)


def test_a_mailbox_becomes_contacts(place: Place, tmp_path: Path) -> None:
    """`mine`, `report`, `contacts` and `export` agree, and every message is accounted for."""
    mined = place.mine(user="whole")
    reported = place.run("report", "--user", "whole")
    listed = place.run("contacts", "--user", "whole", "--limit", "3")
    exported = place.run("export", "--user", "whole", "--output", str(tmp_path / "contacts.csv"))

    assert [done.returncode for done in (mined, reported, listed, exported)] == [Exit.OK] * 4, mined.stderr
    assert mined.stdout == "40 contacts from 400 messages.\n"
    assert "listed  400 = fetched 400 + skipped 0 + failed 0: balances" in reported.stdout
    assert [len(line.split("\t")) for line in listed.stdout.splitlines()] == [7] * 4
    with (tmp_path / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["Email"] for row in rows} == {f"person{number}@acme.com" for number in range(PEOPLE)}
    assert {(row["Name"].split()[0], row["Occurrence"], row["Sources"]) for row in rows} == {("Person", "10", LOGIN)}


def test_progress_is_plain_lines_beside_the_result(place: Place) -> None:
    """Piped output contains only the result; a second mining has nothing new."""
    mined = place.mine("--verbose", user="lines")
    again = place.mine(user="lines")

    first, second, *_ = mined.stdout.splitlines()
    assert first == "40 contacts from 400 messages."
    assert second.startswith("Mining ")
    assert re.fullmatch(r"Nothing new since \d{4}-\d\d-\d\d \d\d:\d\d; 40 contacts\.\n", again.stdout)
    assert "planning" in mined.stderr.splitlines()
    assert "\x1b" not in mined.stdout + mined.stderr


def test_a_mining_with_nothing_new_loads_no_queue(place: Place) -> None:
    """A second mining does not wait for the queue's library, which takes as long to load as everything else it does."""
    place.mine(user="nothing new")

    mine = [*LEADMINER[1:], "mine", place.url, "--ca-file", str(place.server.ca_file), "--user", "nothing new"]
    again = subprocess.run(
        [sys.executable, "-X", "importtime", *mine],
        env=place.environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = {line.rpartition("|")[2].strip() for line in again.stderr.splitlines()}
    assert "httpx" in loaded
    assert "redis" not in loaded


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--folder", "Nowhere"], Exit.UNKNOWN, "Nowhere"),
        (["--scope", "all"], Exit.USAGE, "all"),
    ],
)
def test_what_cannot_be_mined_is_said(place: Place, arguments: list[str], code: Exit, said: str) -> None:
    """The error is one sentence with the value, a specific exit code, and no traceback."""
    mined = place.mine(*arguments, user="wrong")

    assert (mined.returncode, mined.stdout) == (code, "")
    assert said in mined.stderr
    assert "Traceback" not in mined.stderr


def test_a_wrong_password_is_not_repeated(place: Place) -> None:
    """The command exits with code 5 and does not print the password."""
    mined = replace(place, password="hunter2").mine(user="wrong")

    assert mined.returncode == Exit.AUTHENTICATION
    assert LOGIN in mined.stderr
    assert "hunter2" not in mined.stderr + mined.stdout


def test_a_certificate_that_nobody_vouches_for_is_refused(place: Place) -> None:
    """The command exits with code 6 and says how to name the certificate authority."""
    mined = place.run("mine", place.url, "--user", "wrong")

    assert mined.returncode == Exit.CERTIFICATE
    assert "--ca-file" in mined.stderr


@pytest.mark.parametrize("wrong", ["localhost:1", "no-such-host.invalid"])
def test_a_place_where_nobody_listens_is_named(place: Place, wrong: str) -> None:
    """The command exits with code 4 and one sentence that names the host."""
    mined = place.run("mine", f"imaps://jane@{wrong}", "--user", "wrong")

    assert mined.returncode == Exit.UNREACHABLE
    assert wrong in mined.stderr
    assert mined.stderr.count("leadminer: ") == 1
    assert "Traceback" not in mined.stderr


def test_a_source_that_is_being_read_is_left_alone(place: Place) -> None:
    """The command exits with code 9 while another leadminer on this machine reads the source."""
    source = f"{LOGIN}@{place.server.host}:{place.server.tls_port}"

    with claim_source(place.home / "claims", user="held", source=source):
        mined = place.mine(user="held")

    assert mined.returncode == Exit.HELD
    assert source in mined.stderr


def test_ctrl_c_leaves_a_mining_that_the_same_command_finishes(place: Place) -> None:
    """It exits with code 75 and prints the command to resume, which reads every message once."""
    place.server.add_user(LARGE, PASSWORD)
    place.server.deliver(LARGE, "INBOX", map(_mail, range(5_000)))
    large = replace(place, login=LARGE)
    with large.start_mining(user="stopped") as process:
        assert process.stderr is not None
        said = ""
        while "planning" not in said:
            said += process.stderr.readline()
        process.send_signal(signal.SIGINT)
        said += process.stderr.read()

    resumed = large.mine("--verbose", user="stopped")

    assert process.returncode == Exit.INTERRUPTED
    assert said.rstrip().endswith(f"leadminer mine {large.url} --ca-file {place.server.ca_file} --user stopped")
    assert resumed.returncode == Exit.OK
    assert "Resuming the unfinished mining" in resumed.stderr
    assert "listed  5,000 = fetched 5,000 + skipped 0 + failed 0: balances" in resumed.stdout
    assert "fetched 5,000 = processed 5,000 + duplicate 0 + dead 0: balances" in resumed.stdout


def test_the_password_is_asked_for_on_a_terminal_and_not_shown(place: Place) -> None:
    """The typed password appears neither at the prompt nor in the mining's output."""
    command = [*LEADMINER, "mine", place.url, "--ca-file", str(place.server.ca_file), "--user", "asked"]
    environment = replace(place, password=None).environment() | {"TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(
        [sys.executable, "-c", IN_TERMINAL, *command],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        shown = b""
        while b"Password for" not in shown:
            shown += process.stdout.read(4096)
        process.stdin.write(f"{PASSWORD}\n".encode())
        process.stdin.flush()
        shown += process.stdout.read()

    assert process.returncode == Exit.OK
    assert PASSWORD.encode() not in shown
    assert b"400/400" in shown
