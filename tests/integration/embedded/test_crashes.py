"""The embedded servers after something is killed: a server, a processor, the keeper, or the user's `leadminer`."""

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from fetcher.embedded.home import Home
from fetcher.embedded.start import Endpoints, start
from tests.support.house import wait_until

USER = """
import sys, time
from pathlib import Path
from fetcher.embedded.start import start
with start(Path(sys.argv[1]), processors=1) as endpoints:
    print(endpoints.redis_url, flush=True)
    time.sleep(600)
"""
"""A `leadminer` that uses the servers until it is killed."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Return a data directory shared by all tests here, so that the cluster is created only once."""
    return Home(tmp_path_factory.mktemp("home"))


@pytest.fixture
def servers(home: Home) -> Iterator[Endpoints]:
    """Yield running servers."""
    with start(home.folder, processors=1) as endpoints:
        yield endpoints


@pytest.fixture
def user(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Yield a `leadminer` in its own process group that uses the servers, with everything started."""
    command = [sys.executable, "-c", USER, str(home.folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, process_group=0) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("unix://")
        yield process
        process.kill()
    wait_until(lambda: not home.held("keeper.lock"))


def works(endpoints: Endpoints) -> bool:
    """Return whether database, queue and processor answer."""
    try:
        with (
            psycopg.connect(endpoints.postgres_connection_string) as connection,
            redis.Redis.from_url(endpoints.redis_url) as client,
            urllib.request.urlopen(endpoints.processor_url + "/health", timeout=1) as health,
        ):
            return bool(connection.execute("SELECT 1").fetchone() and client.ping() and health.status == 200)
    except (psycopg.Error, redis.RedisError, OSError):
        return False


def gone(pids: list[int]) -> bool:
    """Return whether none of the processes is running any more; a zombie counts as gone."""
    return not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids)


@pytest.mark.parametrize("name", ["PostgreSQL", "Valkey", "Processor embedded-1"])
def test_a_killed_child_comes_back(servers: Endpoints, home: Home, name: str) -> None:
    """After kill -9 of any child, all endpoints work again at the same addresses, and no data is lost."""
    with psycopg.connect(servers.postgres_connection_string) as main, redis.Redis.from_url(servers.redis_url) as client:
        main.execute("CREATE TABLE IF NOT EXISTS public.kills (name text)")
        main.execute("INSERT INTO public.kills VALUES (%s)", [name])
        client.sadd("kills", name)
        client.execute_command("WAITAOF", 1, 0, 10_000)  # a busy disk delays the write; the sweep sends lost jobs again
    killed = home.read_state()["children"][name]

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: home.read_state()["children"].get(name, killed) != killed and works(servers))
    with psycopg.connect(servers.postgres_connection_string) as main, redis.Redis.from_url(servers.redis_url) as client:
        assert main.execute("SELECT 1 FROM public.kills WHERE name = %s", [name]).fetchone() == (1,)
        assert client.sismember("kills", name)


def test_postgres_comes_back_under_a_busy_session(servers: Endpoints, home: Home) -> None:
    """A backend that keeps computing after its postmaster died does not prevent the next start."""
    with closing(psycopg.connect(servers.postgres_connection_string)) as connection:
        backend = connection.info.backend_pid
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
        wait_until(lambda: psutil.Process(backend).cpu_times().user > 0.1)

        os.kill(home.read_state()["children"]["PostgreSQL"], signal.SIGKILL)

        wait_until(lambda: works(servers))
    assert gone([backend])


def test_all_children_end_after_their_user_is_killed(user: subprocess.Popen[str], home: Home) -> None:
    """After kill -9 of `leadminer`, nothing keeps running, and the next start works."""
    pids = list(home.read_state()["children"].values())

    user.kill()
    user.wait()

    wait_until(lambda: gone(pids) and not home.held("keeper.lock"))
    with start(home.folder) as endpoints:
        assert works(endpoints)


def test_ctrl_c_does_not_reach_the_children(user: subprocess.Popen[str], home: Home) -> None:
    """A Ctrl-C to the whole process group ends `leadminer`, and the servers stop cleanly."""
    os.killpg(user.pid, signal.SIGINT)
    user.wait()

    assert not home.held("keeper.lock")
    assert (home.logs / "postgres.log").read_text().rstrip().endswith("database system is shut down")


def test_the_next_start_recovers_from_a_killed_keeper(user: subprocess.Popen[str], home: Home) -> None:
    """If the keeper is killed, its children end too, and the next start takes over the data."""
    pids = list(home.read_state()["children"].values())
    keeper = psutil.Process(pids[0]).ppid()

    os.kill(keeper, signal.SIGKILL)
    wait_until(lambda: gone([keeper]))
    with start(home.folder) as endpoints:
        worked = works(endpoints)
        left = [pid for pid in pids if not gone([pid])]

    assert worked
    assert left == []


def test_leftovers_of_others_are_left_alone(servers: Endpoints, home: Home, tmp_path: Path) -> None:
    """Stale pid and lock files with another process's number do no harm: only processes in our data folder are ours."""
    other = Home(tmp_path / "other")
    with start(other.folder):
        pass
    innocent = home.read_state()["children"]["PostgreSQL"]
    (other.postgres / "postmaster.pid").write_text(f"{innocent}\n{other.postgres}\n0\n5432\n\n\n0 0\nready\n")
    lock = f"{innocent}\n{other.postgres}\n0\n5432\n{other.sockets()}\n"
    (other.sockets() / ".s.PGSQL.5432.lock").write_text(lock)

    with start(other.folder) as endpoints:
        worked = works(endpoints)

    assert worked
    assert works(servers)
    assert home.read_state()["children"]["PostgreSQL"] == innocent
