"""Migrations are applied to real databases exactly once, and never to one with a different history."""

import asyncio
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from processor.adapters.container.connect import BadConnectionString
from processor.adapters.container.migrate import MigrationError, migrate, migrate_all
from processor.ports import Unavailable
from schemas.migrations import MINING_POSTGRES, PERMANENT, RefusedMigrations, read_migrations
from tests.support.servers import Postgres

IDS = [migration.id for migration in read_migrations(PERMANENT)]
PASSWORD = "correct horse"


def query(conninfo: str, text: str) -> list[tuple[object, ...]]:
    """Run statements and return the rows of the last one."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two small migrations."""
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE first (id integer);")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE second (id integer);")
    return tmp_path


async def test_migrations_are_applied_once(database: str) -> None:
    """The first run applies all migrations and the second none. The record has their ids and checksums."""
    first = await migrate(database, PERMANENT, schema="leadminer")

    second = await migrate(database, PERMANENT, schema="leadminer")

    assert (first, second) == (IDS, [])
    recorded = query(database, "SELECT id, checksum FROM leadminer.migrations ORDER BY id")
    assert recorded == [(migration.id, migration.checksum) for migration in read_migrations(PERMANENT)]
    assert query(database, "SELECT leadminer.schema_version()") == [(IDS[-1],)]


async def test_many_may_start_at_once(database: str) -> None:
    """If processors start together, each migration is applied by one of them."""
    runs = await asyncio.gather(*(migrate(database, PERMANENT, schema="leadminer") for _ in range(6)))

    assert sorted(id_ for run in runs for id_ in run) == IDS


async def test_a_database_that_is_missing_is_made(postgres: Postgres) -> None:
    """Several processors create the database in UTF-8, whoever is first, and both schemas fit into it."""
    permanent, mining = postgres.conninfo("made 'for' \"us\""), postgres.conninfo("made for mining")

    async def start(delay: float) -> None:
        await asyncio.sleep(delay)
        await migrate_all(permanent=permanent, mining=mining)

    await asyncio.gather(*(start(number / 200) for number in range(30)))

    assert query(permanent, "SHOW server_encoding") == [("UTF8",)]
    assert query(mining, "SELECT count(*) FROM public.migrations") == [(len(read_migrations(MINING_POSTGRES)),)]


async def test_a_new_file_is_applied_to_an_old_database(database: str, folder: Path) -> None:
    """Only the appended migration is applied."""
    await migrate(database, folder)
    (folder / "0003_third.sql").write_text("CREATE TABLE third (id integer);")

    assert await migrate(database, folder) == ["0003_third"]


async def test_an_edited_file_is_refused(database: str, folder: Path) -> None:
    """After an edit, neither the edited migration nor a new one is applied."""
    await migrate(database, folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE first (id bigint);")
    (folder / "0003_third.sql").write_text("CREATE TABLE third (id integer);")

    with pytest.raises(RefusedMigrations, match="0001_first was edited"):
        await migrate(database, folder)

    assert query(database, "SELECT to_regclass('third')") == [(None,)]


async def test_a_newer_database_is_refused(database: str, folder: Path) -> None:
    """A program that is older than the database refuses to work."""
    await migrate(database, folder)
    (folder / "0002_second.sql").unlink()

    with pytest.raises(RefusedMigrations, match="The database is newer than this program"):
        await migrate(database, folder)


async def test_a_failing_file_changes_nothing(database: str, folder: Path) -> None:
    """A failing file is rolled back, earlier files stay, and the sentence names the file and the reason."""
    (folder / "0002_second.sql").write_text("CREATE TABLE second (id integer);\nSELECT nonsense;")

    with pytest.raises(RefusedMigrations) as refused:
        await migrate(database, folder)

    assert str(refused.value) == 'Migration 0002_second failed and changed nothing: column "nonsense" does not exist.'
    assert query(database, "SELECT to_regclass('first')::text, to_regclass('second')") == [("first", None)]
    assert query(database, "SELECT id FROM migrations") == [("0001_first",)]


async def test_files_that_another_tool_pushed_are_adopted(database: str) -> None:
    """Files that the Supabase CLI has run count as applied, and get their checksums."""
    for migration in read_migrations(PERMANENT):
        query(database, migration.sql)

    assert await migrate(database, PERMANENT, schema="leadminer") == []

    assert query(database, "SELECT count(*) FROM leadminer.migrations WHERE checksum IS NULL") == [(0,)]


async def test_tables_of_others_stay_as_they_are(database: str) -> None:
    """Tables with the same names in the schema `public`, where leadminer has had them, are not touched."""
    names = ("profiles", "organizations", "campaigns", "users")
    for name in names:
        query(database, f"CREATE TABLE public.{name} (mine integer); INSERT INTO public.{name} VALUES (7)")
    before = query(database, "SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid")

    await migrate(database, PERMANENT, schema="leadminer")

    after = query(database, "SELECT * FROM pg_class WHERE relnamespace = 'public'::regnamespace ORDER BY oid")
    assert after == before
    assert [query(database, f"SELECT * FROM public.{name}") for name in names] == [[(7,)]] * len(names)


class TestRoles:
    """Roles belong to the cluster, so these tests have their own cluster."""

    @pytest.fixture
    def cluster(self) -> Postgres:
        """Return a server without our roles."""
        return Postgres()

    async def test_two_databases_may_make_the_roles_at_once(self, cluster: Postgres) -> None:
        """Both databases are migrated, and the roles cannot log in."""
        with cluster:
            databases = [cluster.fresh_database() for _ in range(6)]

            runs = await asyncio.gather(*(migrate(each, PERMANENT, schema="leadminer") for each in databases))

            roles = query(databases[0], "SELECT rolname, rolcanlogin FROM pg_roles WHERE rolname !~ '^pg_|leadminer'")
            assert runs == [IDS] * len(databases)
            assert sorted(roles) == [("anon", False), ("authenticated", False), ("service_role", False)]

    async def test_an_ordinary_owner_needs_the_roles_to_be_there(self, cluster: Postgres) -> None:
        """A user who cannot create roles is told what an administrator must run, and can then use everything."""
        with cluster:
            query(cluster.conninfo(), "CREATE ROLE owner NOLOGIN")
            query(cluster.conninfo(), "CREATE DATABASE plain OWNER owner")
            plain = make_conninfo(cluster.conninfo("plain"), options="-c role=owner")

            with pytest.raises(RefusedMigrations, match="an administrator must CREATE ROLE anon NOLOGIN"):
                await migrate(plain, PERMANENT, schema="leadminer")
            query(
                cluster.conninfo(),
                "CREATE ROLE anon NOLOGIN; CREATE ROLE authenticated NOLOGIN; CREATE ROLE service_role NOLOGIN",
            )

            assert await migrate(plain, PERMANENT, schema="leadminer") == IDS
            assert query(plain, "SELECT leadminer.erase_user('x') ->> 'minings'") == [("0",)]

    async def test_who_may_not_make_a_database_is_told(self, cluster: Postgres) -> None:
        """The sentence names the database and says what to do."""
        with cluster:
            query(cluster.conninfo(), "CREATE ROLE owner NOLOGIN")

            with pytest.raises(Unavailable, match="database 'absent' does not exist, and this user cannot create it"):
                await migrate(make_conninfo(cluster.conninfo("absent"), options="-c role=owner"), PERMANENT)


@pytest.mark.parametrize(
    ("conninfo", "sentence"),
    [
        ("postgresql://ann:{}@127.0.0.1:1/db", r"Cannot open the database 'db' at 127\.0\.0\.1:1"),
        ("host=/nowhere user=ann password='{}' dbname=db", "Cannot open the database 'db' at /nowhere"),
        ("postgresql://ann:{}127.0.0.1/db", "Cannot read the PostgreSQL connection string"),
        ("password {} '", "Cannot read the PostgreSQL connection string"),
    ],
)
async def test_a_server_that_is_not_there_is_told_without_the_password(conninfo: str, sentence: str) -> None:
    """One sentence names the database and the server, and never a credential."""
    with pytest.raises((Unavailable, BadConnectionString), match=sentence) as raised:
        await migrate(conninfo.format(PASSWORD.replace(" ", "%20")), PERMANENT)

    for word in PASSWORD.split():
        assert word not in str(raised.value)


async def test_a_wrong_encoding_is_refused(postgres: Postgres) -> None:
    """A database must be in UTF-8, because texts are compared by their bytes in UTF-8."""
    query(
        postgres.conninfo(),
        "CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'",
    )

    with pytest.raises(MigrationError, match="encoding is LATIN1: use a database with the encoding UTF8"):
        await migrate_all(permanent=postgres.conninfo("latin"), mining=postgres.conninfo("latin"))
