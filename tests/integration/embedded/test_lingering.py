"""The embedded servers after their last user: they stay for the next one, and end when they should."""

import json
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from fetcher.embedded.home import Home
from fetcher.embedded.start import EmbeddedError, InUse, start, stop
from tests.support.house import wait_until

LONG = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory shared by the tests here, so that the cluster is created only once."""
    return tmp_path_factory.mktemp("lingering") / "home"


@pytest.fixture
def home(folder: Path) -> Iterator[Home]:
    """Yield a data directory whose servers are down before and after the test."""
    yield Home(folder)
    stop(folder)


def children(home: Home) -> dict[str, int]:
    found: dict[str, int] = home.read_state()["children"]
    return found


def running(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def test_the_next_user_gets_the_same_servers(home: Home) -> None:
    """Servers that linger are the next user's, without a start; told to stop, they stop at once."""
    notices: list[str] = []
    with start(home.folder, linger_seconds=LONG, notice=notices.append) as first:
        pass
    pids = list(children(home).values())

    with start(home.folder, linger_seconds=LONG, notice=notices.append) as second, pytest.raises(InUse):
        stop(home.folder)
    answers = (stop(home.folder), stop(home.folder))

    assert first == second
    assert notices == ["Starting the embedded servers."]
    assert answers == (True, False)
    assert running(pids) == []


def test_they_stop_by_themselves(home: Home) -> None:
    """Servers that nobody needs any more stop when their time is up."""
    with start(home.folder, mining=False, linger_seconds=0.3):
        pids = list(children(home).values())

    wait_until(lambda: not home.held("keeper.lock"))

    assert running(pids) == []


def test_the_last_user_says_how_long(home: Home) -> None:
    """A user who does not want the servers to linger leaves none behind, whatever an earlier one asked."""
    with start(home.folder, mining=False, linger_seconds=LONG):
        pass

    with start(home.folder, mining=False):
        pids = list(children(home).values())

    assert running(pids) == []


def test_only_a_miner_needs_all_processors(home: Home) -> None:
    """A user who only reads starts one processor; one who mines gets the others from the same servers."""
    with start(home.folder, mining=False, processors=2, linger_seconds=LONG) as read:
        reading = sorted(children(home))

    with start(home.folder, linger_seconds=LONG) as mined:
        wait_until(lambda: len(children(home)) == 4)

    assert reading == ["PostgreSQL", "Processor embedded-1", "Valkey"]
    assert mined == read


def test_servers_of_another_build_are_replaced(home: Home) -> None:
    """A user never gets the servers of another build of leadminer: those stop, and its own start with the same data."""
    with (
        start(home.folder, mining=False, linger_seconds=LONG) as theirs,
        redis.Redis.from_url(theirs.redis_url) as client,
    ):
        client.set("kept", "yes")
        runtime = json.loads((home.folder / "runtime.json").read_text())
        (home.folder / "runtime.json").write_text(json.dumps(runtime | {"build": "another"}))
        with pytest.raises(InUse), start(home.folder):
            pass

    with start(home.folder, mining=False) as ours, redis.Redis.from_url(ours.redis_url) as client:
        kept = client.get("kept")

    assert ours.processor_token != theirs.processor_token
    assert kept == b"yes"


def test_they_end_with_their_data_directory(home: Home) -> None:
    """If the data directory is removed or moved, its servers end by themselves and write nothing more."""
    with start(home.folder, mining=False, linger_seconds=LONG):
        pids = list(children(home).values())
    moved = home.folder.with_name("moved")

    home.folder.rename(moved)
    wait_until(lambda: running(pids) == [])
    left = home.folder.exists()
    moved.rename(home.folder)

    assert not left


def test_the_next_user_recovers_from_a_keeper_killed_while_it_waited(home: Home) -> None:
    """If the keeper is killed while nobody uses the servers, they end with it, and the next user starts new ones."""
    with start(home.folder, mining=False, linger_seconds=LONG) as first:
        pids = list(children(home).values())

    keeper = psutil.Process(pids[0]).ppid()
    psutil.Process(keeper).kill()
    wait_until(lambda: running([keeper]) == [])
    with start(home.folder, mining=False) as second, redis.Redis.from_url(second.redis_url) as client:
        answered = client.ping()

    assert answered
    assert running(pids) == []
    assert first.processor_token != second.processor_token


def test_nothing_is_stopped_where_nothing_is(tmp_path: Path) -> None:
    """Stopping servers that never ran creates nothing."""
    assert not stop(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_start_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    """If the servers cannot start, nothing keeps running, even if they were to linger."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedError), start(tmp_path, linger_seconds=LONG):
        pass

    wait_until(lambda: not Home(tmp_path).held("keeper.lock"))
