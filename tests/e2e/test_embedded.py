"""With nothing configured, the same command finishes a mining no matter what was killed in the middle of it."""

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.dovecot import Dovecot
from tests.support.house import wait_until
from tests.support.mailboxes import PASSWORD, fill, friendly_mailbox
from tests.support.place import Place

LOGIN = "me@example.org"
OPTIONS = ("--as-of", "2026-11-01")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Dovecot() as server:
        fill(server, friendly_mailbox(), login=LOGIN)
        yield Place(server, tmp_path_factory.mktemp("leadminer") / "home", LOGIN, PASSWORD)


@pytest.fixture(scope="module")
def undisturbed(place: Place) -> str:
    """Return the export of an undisturbed mining."""
    assert place.mine(*OPTIONS, user="undisturbed").returncode == 0
    return place.export("undisturbed")


def stored(place: Place) -> list[Path]:
    """Return the complete segments in the raw store."""
    return [path for path in place.home.glob("raw/*/*/*/*") if path.name[0] != "."]


def servers(place: Place) -> list[psutil.Process]:
    """Return the keeper and its children: processes that run in the data directory or name it in their arguments."""
    return [process for process in psutil.process_iter() if str(place.home) in place_of(process)]


def place_of(process: psutil.Process) -> str:
    try:
        return f"{process.cwd()} {' '.join(process.cmdline())}"
    except psutil.Error:
        return ""


@pytest.mark.parametrize("victims", [("leadminer",), ("leadminer", "fetcher.embedded.keeper"), ("leadminer", "")])
def test_a_mining_that_was_killed_is_finished_by_the_same_command(
    place: Place, undisturbed: str, victims: tuple[str, ...]
) -> None:
    """After kill -9 of the command, of the keeper too, or of all servers, nothing is lost or counted twice."""
    user = f"struck {len(victims)} {victims[-1]}"
    command = place.start_mining(*OPTIONS, user=user)
    wait_until(lambda: bool(stored(place)), look_seconds=0.001)

    command.send_signal(signal.SIGKILL)
    for process in servers(place) if len(victims) > 1 else []:
        if victims[1] in place_of(process):
            with suppress(psutil.NoSuchProcess):  # the keeper's children end with it
                process.kill()
    command.communicate()
    wait_until(lambda: not servers(place))
    again = place.mine(*OPTIONS, "--verbose", user=user)

    assert again.returncode == 0, again.stderr
    assert "Resuming the unfinished mining" in again.stderr
    assert again.stdout.count(": balances") == 2
    assert place.export(user) == undisturbed
    assert [path for path in (place.home / "raw").rglob("*") if path.is_file()] == []
    assert servers(place) == []
