"""The embedded servers as users meet them: started and stopped for real."""

import os
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from fetcher.embedded.home import Home
from fetcher.embedded.start import EmbeddedError, Endpoints, default_processors, start
from tests.support.house import wait_until

SECRET = "not-for-children"
ROOT = os.geteuid() == 0
CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an existing data directory that everyone can access, with a path that is too long for sockets."""
    folder = tmp_path_factory.mktemp("a data directory with a long name, and blanks, as some people have") / "leadminer"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def servers(home: Path) -> Iterator[Endpoints]:
    """Yield running servers that were started with a password in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMAP_PASSWORD", SECRET)
        with start(home, processors=1) as endpoints:
            yield endpoints


@contextmanager
def other_account() -> Iterator[None]:
    """Run as another account of the machine for a while."""
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def children(home: Path) -> dict[str, int]:
    found: dict[str, int] = Home(home).read_state()["children"]
    return found


def test_all_endpoints_answer(servers: Endpoints) -> None:
    """Both databases, the queue, the processor and the raw store work."""
    with psycopg.connect(servers.postgres_connection_string) as main:
        databases = [main.info.dbname]
    with psycopg.connect(servers.postgres_mining_connection_string) as mining:
        databases.append(mining.info.dbname)
    with (
        redis.Redis.from_url(servers.redis_url) as queue,
        urllib.request.urlopen(servers.processor_url + "/health") as health,
    ):
        answers = (queue.ping(), health.status, servers.raw_store_path.is_dir())

    assert databases == ["leadminer", "leadminer_mining"]
    assert answers == (True, 200, True)


def test_no_existing_folder_is_opened_or_closed(servers: Endpoints, home: Path) -> None:
    """An existing folder keeps its mode, and everything created in it is private to the owner."""
    made = {path: stat.S_IMODE(path.lstat().st_mode) for path in home.rglob("*") if not path.is_socket()}

    assert stat.S_IMODE(home.stat().st_mode) == 0o755
    assert [path for path, mode in made.items() if mode & 0o077] == []


def test_nothing_listens_on_the_network(servers: Endpoints) -> None:
    """PostgreSQL and Valkey have a socket in a private folder and no port."""
    with psycopg.connect(servers.postgres_connection_string) as connection:
        addresses = connection.execute("SHOW listen_addresses").fetchone()
        folder = connection.execute("SHOW unix_socket_directories").fetchone()
    with redis.Redis.from_url(servers.redis_url) as client:
        port = client.config_get("port")

    assert (addresses, port) == (("",), {"port": "0"})
    assert folder is not None
    assert stat.S_IMODE(Path(folder[0].strip('"')).stat().st_mode) == 0o700


def test_the_queue_is_durable(servers: Endpoints) -> None:
    """Valkey persists what it is told, and never evicts it."""
    with redis.Redis.from_url(servers.redis_url) as client:
        said = client.config_get("appendonly", "maxmemory-policy")

    assert said == {"appendonly": "yes", "maxmemory-policy": "noeviction"}


@pytest.mark.skipif(not ROOT, reason="only root can try what another account can")
def test_another_account_cannot_connect(servers: Endpoints) -> None:
    """The folder keeps other accounts out, and if it did not, PostgreSQL would."""
    socket = Path(servers.redis_url.partition("://")[2].partition("?")[0])
    opened = {socket.parent: 0o755, socket.parent / ".s.PGSQL.5432": 0o777}

    with other_account(), pytest.raises(psycopg.OperationalError, match=r"Permission denied|No such file"):
        psycopg.connect(servers.postgres_connection_string)

    with ExitStack() as restored:
        for path, mode in opened.items():
            restored.callback(path.chmod, stat.S_IMODE(path.stat().st_mode))
            path.chmod(mode)
        with other_account(), pytest.raises(psycopg.OperationalError, match="Peer authentication failed"):
            psycopg.connect(servers.postgres_connection_string)


def test_no_secret_is_on_show(servers: Endpoints, home: Path) -> None:
    """No argument list contains the token, and no child gets a password from our environment."""
    running = [psutil.Process(pid) for pid in children(home).values()]

    shown = [word for process in running for word in process.cmdline()]
    inherited = [value for process in running for value in process.environ().values()]

    assert len(running) == 3
    assert servers.processor_token not in shown
    assert SECRET not in inherited
    assert servers.processor_token not in repr(servers)


def test_children_dump_no_core_and_hear_no_ctrl_c(servers: Endpoints, home: Path) -> None:
    """The children write no core files, which could contain mail, and each has its own session."""
    pids = children(home).values()

    limits = {psutil.Process(pid).rlimit(psutil.RLIMIT_CORE) for pid in pids}
    sessions = {os.getsid(pid) for pid in pids}

    assert limits == {(0, 0)}
    assert os.getsid(0) not in sessions
    assert len(sessions) == 3


def test_a_second_user_shares_the_servers(servers: Endpoints, home: Path) -> None:
    """Another `leadminer` gets the same endpoints, and leaves the servers running if it was not the last user."""
    notices: list[str] = []

    with start(home, notice=notices.append) as shared:
        pass

    assert shared == servers
    assert notices == ["The embedded servers keep running, because another leadminer is using them."]
    with redis.Redis.from_url(servers.redis_url) as client:
        assert client.ping()


def test_the_last_user_stops_the_servers(tmp_path: Path) -> None:
    """After the last user, nothing is running; the next start has the same data and a new token."""
    with start(tmp_path / "new", processors=2) as first:
        wait_until(lambda: len(children(tmp_path / "new")) == 4)
        pids = children(tmp_path / "new")
        with redis.Redis.from_url(first.redis_url) as client, psycopg.connect(first.postgres_connection_string) as main:
            client.set("kept", "yes")
            main.execute("CREATE TABLE public.kept AS SELECT 1 AS id")
    running = [name for name, pid in pids.items() if psutil.pid_exists(pid)]
    sockets_left = (tmp_path / "new" / "sockets").exists()
    mode = stat.S_IMODE((tmp_path / "new").stat().st_mode)
    with (
        start(tmp_path / "new") as second,
        redis.Redis.from_url(second.redis_url) as client,
        psycopg.connect(second.postgres_connection_string) as main,
    ):
        kept = (client.get("kept"), main.execute("SELECT id FROM public.kept").fetchone())

    assert sorted(pids) == ["PostgreSQL", "Processor embedded-1", "Processor embedded-2", "Valkey"]
    assert (running, sockets_left) == ([], False)
    assert mode == 0o700
    assert kept == (b"yes", (1,))
    assert second.processor_token != first.processor_token


def test_a_home_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """If the data directory is not a folder, the error names the path and the setting."""
    file = tmp_path / "file"
    file.touch()

    with pytest.raises(EmbeddedError, match=r"file.*Set LEADMINER_HOME") as refused, start(file):
        pass

    assert "\n" not in str(refused.value)


def test_data_of_another_version_are_refused(tmp_path: Path) -> None:
    """Data of another PostgreSQL version is refused with a sentence and left alone."""
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9\n")

    with pytest.raises(EmbeddedError, match="belongs to PostgreSQL 9, but"), start(tmp_path):
        pass

    assert [path.name for path in (tmp_path / "postgres").iterdir()] == ["PG_VERSION"]


@pytest.mark.skipif(not ROOT, reason="only root can mount a small disk")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """If the disk is full, the error says which one and what to do."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "small", tmp_path], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("no disk can be mounted here")

    try:
        with pytest.raises(EmbeddedError) as refused, start(tmp_path / "home"):
            pass
    finally:
        subprocess.run(["umount", tmp_path], check=True)

    assert "is full. Free some space, or set LEADMINER_HOME to another disk." in str(refused.value)
    assert "\n" not in str(refused.value)


def test_missing_binaries_are_told() -> None:
    """If the wheels are not installed, the error says what to install or set."""
    empty = subprocess.run(
        [sys.executable, "-S", "-c", "from fetcher.embedded.postgres import postgres_binaries; postgres_binaries()"],
        env={"PYTHONPATH": f"{CHECKOUT / 'services'}:{CHECKOUT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "install leadminer[embedded], or set POSTGRES_CONNECTION_STRING and REDIS_URL" in empty.stderr


def test_the_default_number_of_processors_is_bounded() -> None:
    """The default is at least two and at most eight processors."""
    assert 2 <= default_processors() <= 8
