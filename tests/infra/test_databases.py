"""databases.sql can run again, and its roles have no more rights than they need."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from urllib.parse import quote

import psycopg
import pytest

from infra.docker import postgres
from processor.adapters.container.migrate import migrate_all
from tests.support.fixtures import require
from tests.support.servers import Postgres

# The superuser of the tests' server is called leadminer too, so the roles get another name.
SETUP_SQL = postgres.SETUP_SQL.replace("leadminer", "miner")
PERMANENT, MINING = "miner", "miner_mining"
PASSWORDS = {"PERMANENT_PASSWORD": "a'quoted password", "MINING_PASSWORD": "another"}


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """Yield a PostgreSQL server of its own, since roles belong to the whole server."""
    require(shutil.which("psql") is not None, "no psql: install postgresql-client")
    with Postgres() as started:
        set_up(started)
        yield started


def set_up(server: Postgres) -> None:
    """Run the SQL as the container does."""
    command = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", server.conninfo()]
    environment = {"PATH": os.environ["PATH"], **PASSWORDS}
    done = subprocess.run(command, input=SETUP_SQL, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def can_connect(server: Postgres, role: str, database: str) -> bool:
    """Return whether a role may connect to a database."""
    with psycopg.connect(server.conninfo()) as connection:
        query = "SELECT has_database_privilege(%s, %s, 'CONNECT')"
        row = connection.execute(query, [role, database]).fetchone()
    return row == (True,)


def test_it_repeats(server: Postgres) -> None:
    """A second run succeeds."""
    set_up(server)


@pytest.mark.parametrize(("role", "other"), [(PERMANENT, MINING), (MINING, PERMANENT)])
def test_a_role_gets_into_its_own_database_alone(server: Postgres, role: str, other: str) -> None:
    """A role can connect to its own database only."""
    assert can_connect(server, role, role)
    assert not can_connect(server, role, other)
    assert not can_connect(server, role, "postgres")


@pytest.mark.parametrize("role", [PERMANENT, MINING])
def test_a_role_may_make_neither_roles_nor_databases(server: Postgres, role: str) -> None:
    """A role is not a superuser, cannot create roles or databases, and owns one database."""
    rights_of = "SELECT rolsuper, rolcreaterole, rolcreatedb, rolreplication, rolbypassrls FROM pg_roles"
    owned_by = "SELECT datname FROM pg_database WHERE pg_get_userbyid(datdba) = %s"
    with psycopg.connect(server.conninfo()) as connection:
        rights = connection.execute(f"{rights_of} WHERE rolname = %s", [role]).fetchone()
        owned = connection.execute(owned_by, [role]).fetchall()

    assert rights == (False, False, False, False, False)
    assert owned == [(role,)]


def test_passwords_are_those_of_the_environment_and_kept_as_scram(server: Postgres) -> None:
    """Passwords come from the environment, may contain quotes, and are stored as SCRAM."""
    with psycopg.connect(server.conninfo()) as connection:
        kept = connection.execute(
            "SELECT rolpassword FROM pg_authid WHERE rolname = ANY (%s)", [[PERMANENT, MINING]]
        ).fetchall()

    assert [password.startswith("SCRAM-SHA-256$") for (password,) in kept] == [True, True]


def test_the_migrations_need_no_more_rights(server: Postgres) -> None:
    """Each role can apply the migrations of its own database."""
    options = quote("-c role=", safe="")
    permanent, mining = (with_role(server.conninfo(name), f"{options}{name}") for name in (PERMANENT, MINING))

    asyncio.run(migrate_all(permanent=permanent, mining=mining))

    with psycopg.connect(server.conninfo(PERMANENT)) as connection:
        owner = connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 'refined_persons'").fetchone()
    assert owner == (PERMANENT,)


def with_role(conninfo: str, options: str) -> str:
    """Return a connection string with session options, such as a role."""
    return f"{conninfo}{'&' if '?' in conninfo else '?'}options={options}"
