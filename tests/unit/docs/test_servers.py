"""The SQL that `docs/self-host.md` gives to an administrator is enough for a role without any other right."""

from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from processor.adapters.container.migrate import migrate_all
from processor.settings import MINING_DATABASE, replace_database
from schemas.migrations import PERMANENT, read_migrations
from tests.support.fixtures import running
from tests.support.servers import Postgres
from tests.unit.docs.pages import code_blocks, read_page

ROLE = "miner"


@pytest.fixture
def fresh_server() -> Iterator[Postgres]:
    """Yield a PostgreSQL for this test only, because roles belong to the whole server."""
    with running(Postgres()) as server:
        yield server


def as_role(connection_string: str, role: str) -> str:
    """Return a connection string whose sessions have only the rights of a role."""
    parts = urlsplit(connection_string)
    return urlunsplit(parts._replace(query=f"{parts.query}&options=-c%20role%3D{role}"))


async def test_an_administrators_part_is_enough(fresh_server: Postgres) -> None:
    """After the administrator's SQL, a role with no other right can bring both databases up to date."""
    [statements] = code_blocks(read_page("docs/self-host.md"), "sql")
    administrator = fresh_server.fresh_database()
    with psycopg.connect(administrator, autocommit=True) as connection:
        for statement in statements.split(";"):
            if statement.strip():
                connection.execute(statement.encode())
    permanent = as_role(replace_database(administrator, "leadminer"), ROLE)

    await migrate_all(permanent=permanent, mining=replace_database(permanent, MINING_DATABASE))

    with psycopg.connect(permanent) as connection:
        version = connection.execute("SELECT leadminer.schema_version()").fetchone()
    assert version == (read_migrations(PERMANENT)[-1].id,)
