"""Dumps have both databases from the same moment, are complete and proven, and can be restored."""

import hashlib
import shutil
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.backups import MINING, PERMANENT, Backups
from tests.support.fixtures import require
from tests.support.servers import Postgres

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")
LONG_AGO = "2020-01-01T02-00-00Z"
WAIT_SECONDS = 60


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Yield a PostgreSQL server of its own, since the databases have fixed names."""
    with Postgres() as started:
        yield started


@pytest.fixture
def backups(server: Postgres, tmp_path: Path) -> Iterator[Backups]:
    """Yield the script on two databases with a table of ten rows each, without any dump."""
    made = prepared(server, tmp_path)
    yield made
    for database in (PERMANENT, MINING):
        made.psql("postgres", f"DROP DATABASE {database} WITH (FORCE)")


def prepared(server: Postgres, folder: Path) -> Backups:
    made = Backups(server, folder)
    made.prepare()
    for database in (PERMANENT, MINING):
        made.psql(database, "CREATE TABLE numbers (n integer); INSERT INTO numbers SELECT generate_series(1, 10)")
    return made


def count(backups: Backups, database: str) -> int:
    return int(backups.psql(database, "SELECT count(*) FROM numbers"))


def databases(backups: Backups) -> set[str]:
    return set(backups.psql("postgres", "SELECT datname FROM pg_database").split())


def names(backups: Backups) -> list[str]:
    return sorted(path.name for path in backups.dumps.iterdir() if path.name != ".lock")


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def damage(backups: Backups, name: str) -> None:
    path = backups.dumps / name / f"{MINING}.dump"
    path.write_bytes(path.read_bytes()[:-20] + bytes(20))


def sum_up(folder: Path) -> None:
    """Rewrite the list of hashes, so that only reading and restoring can find the damage."""
    files = sorted(path for path in folder.iterdir() if path.name != "SHA256SUMS")
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines), "utf-8")


def test_a_dump_is_whole_closed_and_leaves_nothing_else(backups: Backups) -> None:
    """A dump has both databases, is readable only by its owner, and leaves no other files or databases."""
    before = databases(backups)

    name = backups.dump()

    assert names(backups) == [name]
    files = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (backups.dumps / name).iterdir()}
    wanted = {f"{database}.{kind}" for database in (PERMANENT, MINING) for kind in ("dump", "counts")}
    assert files == dict.fromkeys({*wanted, "SHA256SUMS"}, 0o600)
    assert stat.S_IMODE((backups.dumps / name).stat().st_mode) == 0o700
    assert databases(backups) == before
    assert list((backups.folder / "tmp").iterdir()) == []


def test_a_restored_dump_is_what_was_dumped(backups: Backups) -> None:
    """A restore brings back both databases as they were dumped, also if it runs twice."""
    before = databases(backups)
    name = backups.dump()
    for database in (PERMANENT, MINING):
        backups.psql(database, "INSERT INTO numbers VALUES (11); CREATE TABLE newer ()")

    backups.run("restore", name)
    backups.run("restore", name)

    assert (count(backups, PERMANENT), count(backups, MINING)) == (10, 10)
    assert backups.psql(PERMANENT, "SELECT count(*) FROM pg_tables WHERE tablename = 'newer'") == "0"
    assert databases(backups) == before


def test_a_newer_server_takes_what_an_older_one_dumped(server: Postgres, backups: Backups, tmp_path: Path) -> None:
    """A dump from PostgreSQL 15 can be restored on PostgreSQL 18."""
    require(DEBIAN_15.is_dir(), f"no {DEBIAN_15}: install Debian's postgresql")
    with Postgres(DEBIAN_15) as older:
        old = prepared(older, tmp_path / "old")
        old.psql(PERMANENT, "INSERT INTO numbers VALUES (11)")
        name = old.dump()

    shutil.copytree(old.dumps / name, backups.dumps / name)
    backups.run("restore", name, "--discard")

    assert (count(backups, PERMANENT), count(backups, MINING)) == (11, 10)


def test_a_restore_can_be_taken_back(backups: Backups) -> None:
    """A restore dumps the databases first, and removes no dump for that."""
    name = backups.dump()
    backups.psql(PERMANENT, "INSERT INTO numbers VALUES (11)")

    backups.run("restore", name, BACKUPS_KEPT="1")

    (kept,) = set(names(backups)) - {name}
    backups.run("restore", kept)
    assert count(backups, PERMANENT) == 11


def test_a_restored_database_lets_in_its_role_alone(backups: Backups) -> None:
    """After a restore, only its own role can connect to a database."""
    backups.run("restore", backups.dump())

    rights = backups.psql(
        "postgres",
        f"SELECT has_database_privilege('{PERMANENT}', '{PERMANENT}', 'CONNECT'),"
        f" has_database_privilege('{MINING}', '{PERMANENT}', 'CONNECT')",
    )
    assert rights == "t|f"


def test_databases_that_are_not_there_are_restored_too(backups: Backups) -> None:
    """A restore creates missing databases, as on a new server."""
    name = backups.dump()
    for database in (PERMANENT, MINING):
        backups.psql("postgres", f"DROP DATABASE {database}")

    backups.run("restore", name)

    assert (count(backups, PERMANENT), count(backups, MINING)) == (10, 10)


def test_what_cannot_be_dumped_any_more_can_be_replaced(backups: Backups) -> None:
    """`--discard` restores without dumping first."""
    name = backups.dump()
    backups.psql(PERMANENT, "TRUNCATE numbers")

    backups.run("restore", name, "--discard")

    assert names(backups) == [name]
    assert count(backups, PERMANENT) == 10


def test_a_restore_waits_for_no_user_to_be_cut_off(backups: Backups, server: Postgres) -> None:
    """A restore is refused while a service has an open session, and touches nothing."""
    name = backups.dump()
    with psycopg.connect(server.conninfo(PERMANENT), autocommit=True) as session:
        refused = backups.attempt("restore", name)

        assert refused.returncode == 1
        assert "in use (open sessions: 1). Stop the services first." in refused.stderr
        session.execute("INSERT INTO numbers VALUES (11)")
    assert names(backups) == [name]


@pytest.mark.parametrize("command", ["verify", "restore"])
def test_a_damaged_dump_is_refused_before_anything_is_touched(backups: Backups, command: str) -> None:
    """A dump with changed bytes is refused, and nothing is touched."""
    name = backups.dump()
    damage(backups, name)
    backups.psql(PERMANENT, "INSERT INTO numbers VALUES (11)")

    refused = backups.attempt(command, name)

    assert refused.returncode == 1
    assert "is damaged: use another dump" in refused.stderr
    assert count(backups, PERMANENT) == 11
    assert names(backups) == [name]


def test_a_dump_that_cannot_be_read_to_its_end_is_refused(backups: Backups) -> None:
    """A dump that is cut off is refused, even if its hashes match."""
    name = backups.dump()
    damage(backups, name)
    (backups.dumps / name / f"{MINING}.dump").write_bytes(b"PGDMP")
    sum_up(backups.dumps / name)

    assert backups.attempt("verify", name).returncode == 1


def test_a_restore_that_misses_rows_changes_nothing(backups: Backups) -> None:
    """If rows are missing, the databases stay as they are, and a second try starts over."""
    name = backups.dump()
    counts = backups.dumps / name / f"{MINING}.counts"
    counts.write_text(counts.read_text("utf-8").replace("|10", "|11"), "utf-8")
    sum_up(backups.dumps / name)
    backups.psql(PERMANENT, "INSERT INTO numbers VALUES (11)")

    refused = backups.attempt("restore", name)

    assert refused.returncode == 1
    assert f"The restored {MINING} has other row counts." in refused.stderr
    assert count(backups, PERMANENT) == 11
    (good,) = set(names(backups)) - {name}
    backups.run("restore", good)


@pytest.mark.parametrize("name", [LONG_AGO, "../dumps", ""])
def test_an_unknown_dump_is_none(backups: Backups, name: str) -> None:
    """An unknown name or a path is refused."""
    assert backups.attempt("restore", name).returncode == 1


def test_a_dump_that_fails_leaves_nothing(backups: Backups) -> None:
    """A failed dump leaves no dump and no temporary files."""
    refused = backups.attempt("dump", PERMANENT_DATABASE="nothing")

    assert refused.returncode != 0
    assert names(backups) == []
    assert list((backups.folder / "tmp").iterdir()) == []


def test_what_a_killed_dump_left_goes_with_the_next(backups: Backups) -> None:
    """The next dump removes an unfinished one."""
    (backups.dumps / f".{LONG_AGO}.part").mkdir()

    name = backups.dump()

    assert names(backups) == [name]


def test_the_newest_are_kept(backups: Backups) -> None:
    """Only the newest dumps are kept, up to the configured number."""
    made = [backups.dump() for _ in range(4)]

    assert names(backups) == made[1:]
    assert backups.run("list").split() == made[:0:-1]


def test_a_second_one_at_once_is_refused(backups: Backups) -> None:
    """A dump is refused while another dump or restore is running."""
    with (backups.dumps / ".lock").open("w") as lock:
        subprocess.run(["flock", "-n", str(lock.fileno())], pass_fds=[lock.fileno()], check=True)
        refused = backups.attempt("dump")

    assert refused.returncode == 1
    assert "Another dump or restore is running" in refused.stderr


def test_both_databases_are_of_one_moment(backups: Backups) -> None:
    """Both databases of a dump are from the same moment.

    A writer adds a row to the temporary database, then one to the permanent database, and so on. At any moment, the
    temporary one is ahead by one row or not at all.
    """
    stopped = threading.Event()

    def write() -> None:
        with (
            psycopg.connect(backups.server.conninfo(PERMANENT), autocommit=True) as permanent,
            psycopg.connect(backups.server.conninfo(MINING), autocommit=True) as mining,
        ):
            while not stopped.is_set():
                mining.execute("INSERT INTO numbers VALUES (0)")
                permanent.execute("INSERT INTO numbers VALUES (0)")

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [backups.dump() for _ in range(3)]
    finally:
        stopped.set()
        writer.join()

    assert count(backups, MINING) > 100
    ahead = [rows(backups, name, MINING) - rows(backups, name, PERMANENT) for name in made]
    assert set(ahead) <= {0, 1}, ahead


def rows(backups: Backups, name: str, database: str) -> int:
    return int((backups.dumps / name / f"{database}.counts").read_text("utf-8").strip().rpartition("|")[2])


def test_a_writer_is_waited_for_and_never_ended(backups: Backups) -> None:
    """A dump waits for a long transaction to end, and includes it."""
    with psycopg.connect(backups.server.conninfo(MINING)) as writer:
        writer.execute("INSERT INTO numbers VALUES (11)")
        with backups.start("dump") as dumping:
            time.sleep(2)
            assert dumping.poll() is None
            writer.execute("INSERT INTO numbers VALUES (12)")
            writer.commit()
            name, error = dumping.communicate(timeout=WAIT_SECONDS)

    assert dumping.returncode == 0, error
    assert rows(backups, name.strip(), MINING) == 12


def test_a_first_night_is_not_waited_for(backups: Backups) -> None:
    """Without any dump, exactly one is made at once."""
    with running_nightly(backups):
        wait_until(lambda: len(names(backups)) == 1 and not names(backups)[0].startswith("."))
        first = names(backups)
        time.sleep(1)

    assert names(backups) == first


def test_a_missed_night_is_made_up_for(backups: Backups) -> None:
    """A dump is made at once if the newest is too old; one from the future does not count."""
    for name in (LONG_AGO, "2999-01-01T02-00-00Z"):
        (backups.dumps / name).mkdir()

    with running_nightly(backups):
        wait_until(lambda: len([name for name in names(backups) if not name.startswith((".", "2999", "2020"))]) == 1)


STOP_SECONDS = 60
"""How long a busy machine has to stop the container's process."""


class running_nightly:  # noqa: N801 (it reads as a function)
    """Runs the container's main process, and expects it to exit with 0 when told to stop."""

    def __init__(self, backups: Backups) -> None:
        self.process = backups.start("nightly")

    def __enter__(self) -> "subprocess.Popen[str]":
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        error = self.process.communicate(timeout=STOP_SECONDS)[1]
        assert self.process.returncode == 0, error


def test_a_stop_in_the_middle_of_a_dump_is_orderly(backups: Backups) -> None:
    """A stop aborts the running dump, removes its files and ends its sessions."""
    with (
        psycopg.connect(backups.server.conninfo(MINING)) as writer,
        running_nightly(backups),
    ):
        writer.execute("INSERT INTO numbers VALUES (11)")
        wait_until(lambda: any(name.startswith(".") for name in names(backups)))

    assert names(backups) == []
    assert list((backups.folder / "tmp").iterdir()) == []
    wait_until(
        lambda: backups.psql("postgres", "SELECT count(*) FROM pg_stat_activity WHERE datname <> 'postgres'") == "0"
    )


def test_health_is_the_newest_dumps_age(backups: Backups) -> None:
    """The container is healthy with a recent dump or while one is being made, and unhealthy otherwise."""
    assert backups.attempt("healthy").returncode == 1
    (backups.dumps / LONG_AGO).mkdir()
    assert "There is no recent dump. The newest is 2020-01-01T02-00-00Z." in backups.attempt("healthy").stderr

    (backups.dumps / ".2026-01-01T02-00-00Z.part").mkdir()
    assert backups.attempt("healthy").returncode == 0
    shutil.rmtree(backups.dumps / ".2026-01-01T02-00-00Z.part")

    backups.dump()
    assert backups.attempt("healthy").returncode == 0


def test_without_room_a_dump_is_read_but_not_restored(backups: Backups) -> None:
    """Without enough disk space, the test restore is skipped, and the output says so."""
    folder = backups.folder / "bin"
    folder.mkdir()
    (folder / "df").write_text("#!/bin/sh\necho Avail\necho 1000\n")
    (folder / "df").chmod(0o755)

    done = backups.attempt("dump", PATH=f"{folder}:{backups.environment['PATH']}")

    assert done.returncode == 0
    assert "no test restore was made" in done.stderr
    assert "1000 are left" in done.stderr
