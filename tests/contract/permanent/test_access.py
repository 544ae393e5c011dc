"""Roles and claims decide who has access to what on the permanent side."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo

from processor.adapters.cloudflare.supabase import TIMEOUT_SECONDS
from processor.adapters.container.contacts import FUNCTIONS
from tests.support.permanent import Permanent, contact, open_permanent

TABLES = [
    "users",
    "profiles",
    "organizations",
    "campaigns",
    "minings",
    "sources",
    "own_addresses",
    "refined_persons",
]
INNER_TABLES = ["applied_parts", "suppressions", "migrations"]


@asynccontextmanager
async def acting_as(permanent: Permanent, role: str, subject: str | None = None) -> AsyncIterator[Any]:
    """Yield a connection that acts like PostgREST for a role, with the claims of a user if one is given."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo, autocommit=True) as connection:
        if subject is not None:
            claims = json.dumps({"sub": subject, "role": role})
            await connection.execute("SELECT set_config('request.jwt.claims', %s, false)", (claims,))
        await connection.execute(f"SET ROLE {role}".encode())
        yield connection


@pytest.fixture
async def two_users(permanent: Permanent) -> Permanent:
    """Two users, each with a row in every table."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo, autocommit=True) as connection:
        for user in ("ann", "bob"):
            await permanent.apply(
                await permanent.begin(user=user, own=["me@acme.com"]), contact(f"friend-of-{user}@acme.com")
            )
            await permanent.call("erase_contact", user_id=user, address="jane@acme.com")
            await connection.execute("INSERT INTO leadminer.profiles (user_id) VALUES (%s)", (user,))
            for table in ("organizations", "campaigns"):
                await connection.execute(
                    f"INSERT INTO leadminer.{table} (user_id, name) VALUES (%s, 'x')".encode(), (user,)
                )
    return permanent


@pytest.mark.parametrize("table", TABLES)
async def test_authenticated_users_see_their_own_rows(two_users: Permanent, table: str) -> None:
    """An authenticated user sees one row per table: the one of the claims' subject."""
    column = "id" if table == "users" else "user_id"

    async with acting_as(two_users, "authenticated", "ann") as connection:
        rows = await (await connection.execute(f"SELECT {column} FROM leadminer.{table}".encode())).fetchall()

    assert rows == [("ann",)]


@pytest.mark.parametrize("claims", [None, "", '{"role": "authenticated"}', '{"sub": null}'])
async def test_without_a_subject_nobody_sees_anything(two_users: Permanent, claims: str | None) -> None:
    """With claims that are missing, empty or without a subject, no row is visible."""
    async with acting_as(two_users, "authenticated") as connection:
        if claims is not None:
            await connection.execute("SELECT set_config('request.jwt.claims', %s, false)", (claims,))
        counts = [
            (await (await connection.execute(f"SELECT count(*) FROM leadminer.{table}".encode())).fetchone())[0]
            for table in TABLES
        ]

    assert counts == [0] * len(TABLES)


@pytest.mark.parametrize("table", TABLES + INNER_TABLES)
async def test_anon_sees_no_table(two_users: Permanent, table: str) -> None:
    """A caller who has not signed in has no access to the schema."""
    async with acting_as(two_users, "anon", "ann") as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute(f"SELECT FROM leadminer.{table}".encode())


@pytest.mark.parametrize("table", INNER_TABLES)
async def test_the_records_of_the_work_are_the_service_s(two_users: Permanent, table: str) -> None:
    """Users cannot read applied parts, suppressions and migrations."""
    async with acting_as(two_users, "authenticated", "ann") as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute(f"SELECT FROM leadminer.{table}".encode())


@pytest.mark.parametrize("statement", ["DELETE FROM leadminer.{}", "INSERT INTO leadminer.{} DEFAULT VALUES"])
@pytest.mark.parametrize("table", TABLES)
async def test_authenticated_users_write_nothing(two_users: Permanent, table: str, statement: str) -> None:
    """Users cannot write, not even their own rows."""
    async with acting_as(two_users, "authenticated", "ann") as connection:
        with pytest.raises(errors.InsufficientPrivilege):
            await connection.execute(statement.format(table).encode())


@pytest.mark.parametrize("role", ["anon", "authenticated"])
async def test_functions_are_refused_to_users(permanent: Permanent, role: str) -> None:
    """Neither role can execute any function of the schema, public or internal."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        cursor = await connection.execute(
            "SELECT proname, has_function_privilege(%s, oid, 'EXECUTE'),"
            " has_function_privilege('service_role', oid, 'EXECUTE')"
            " FROM pg_proc WHERE pronamespace = 'leadminer'::regnamespace",
            (role,),
        )
        rights = {name: rights for name, *rights in await cursor.fetchall()}

    assert set(FUNCTIONS) <= set(rights)
    assert {name for name, rights_of in rights.items() if rights_of != [False, True]} == set()


async def test_the_service_role_can_do_the_work(permanent: Permanent) -> None:
    """The service role's grants are enough for every function, even if it cannot bypass row-level security."""
    async with open_permanent(make_conninfo(permanent.conninfo, options="-c role=service_role")) as service:
        mining = await service.begin(own=["me@acme.com"])
        for part in range(2):
            await service.apply(mining, contact("jane@acme.com"), contact("joe@acme.com"), part=part)
        await service.call("finish_mining", mining=mining, ledger={}, receipt={})
        erased = await service.call("erase_contact", user_id="local", address="jane@acme.com")
        shown = await service.page()
        records = await service.call("mining_records", user_id="local", page_size=9)
        record = await service.call("mining_record", user_id="local", mining=mining)
        version = await service.call("schema_version")
        receipt = await service.erase()

    assert (erased, [person["occurrence"] for person in shown]) == (True, [2])
    assert records == [record]
    assert version == await permanent.call("schema_version")
    assert (receipt["contacts"], receipt["minings"]) == (1, 1)


async def test_every_table_and_function_is_closed_by_construction(permanent: Permanent) -> None:
    """All tables have row-level security, all functions a search path, and all texts compare by bytes."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        open_tables = await connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'leadminer'::regnamespace AND relkind = 'r'"
            " AND NOT (relrowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid))"
        )
        open_functions = await connection.execute(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'leadminer'::regnamespace"
            " AND (prosecdef OR NOT coalesce(proconfig::text LIKE '%search_path=%pg_temp%', prosqlbody IS NOT NULL))"
        )
        folded = await connection.execute(
            "SELECT attrelid::regclass::text, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid"
            " WHERE relnamespace = 'leadminer'::regnamespace AND relkind IN ('r', 'c') AND attnum > 0"
            " AND attcollation NOT IN (0, '\"C\"'::regcollation)"
        )

        assert await open_tables.fetchall() == []
        assert await open_functions.fetchall() == []
        assert await folded.fetchall() == []


async def test_what_a_later_migration_creates_is_closed(permanent: Permanent) -> None:
    """Of a later function or table that nobody thought of, the service role has the rights, and users have none."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        await connection.execute("CREATE FUNCTION leadminer.later() RETURNS integer LANGUAGE sql AS 'SELECT 1'")
        await connection.execute("CREATE TABLE leadminer.later_table (id integer)")
        rights = await connection.execute(
            "SELECT has_function_privilege(role, 'leadminer.later()', 'EXECUTE'),"
            " has_table_privilege(role, 'leadminer.later_table', 'SELECT')"
            " FROM unnest(ARRAY['anon', 'authenticated', 'service_role']) AS roles (role)"
        )

        assert await rights.fetchall() == [(False, False), (False, False), (True, True)]


async def test_functions_with_much_to_do_may_take_longer(permanent: Permanent) -> None:
    """What applies or erases thousands of rows has a timeout of its own, shorter than the processor's patience."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        cursor = await connection.execute(
            "SELECT proname, extract(epoch FROM substr(setting, 19)::interval)"
            " FROM pg_proc, unnest(proconfig) AS setting"
            " WHERE pronamespace = 'leadminer'::regnamespace AND setting LIKE 'statement\\_timeout=%'"
        )
        timeouts: dict[str, Any] = dict(await cursor.fetchall())

    assert set(timeouts) == {"apply_refined_chunk", "erase_user"}
    assert all(8 < seconds < TIMEOUT_SECONDS for seconds in timeouts.values())


async def test_nothing_of_ours_stands_in_public(permanent: Permanent) -> None:
    """The schema `public` is as empty as in a new database."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        cursor = await connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
        )

        assert await cursor.fetchall() == []
