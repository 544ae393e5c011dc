"""A stack on real servers, as good as new for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.servers import Postgres
from tests.support.stack import Stack, empty_tables, open_stack


@pytest.fixture(scope="session")
def used_database(postgres: Postgres) -> str:
    """Return the connection string of a database that tests use one after another."""
    return postgres.fresh_database()


@pytest.fixture
async def stack(used_database: str, redis_url: str, tmp_path: Path) -> AsyncIterator[Stack]:
    """Yield a processor's parts with empty tables, an empty queue and an empty folder."""
    async with open_stack(used_database, redis_url, tmp_path / "raw") as stack:
        empty_tables(used_database)
        yield stack
