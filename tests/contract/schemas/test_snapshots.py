"""The migrations create the reviewed schemas on every PostgreSQL that we support."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.catalog import SCHEMAS, SNAPSHOTS, take_snapshot
from tests.support.fixtures import require
from tests.support.servers import Postgres

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture(scope="module")
def old_postgres() -> Iterator[Postgres]:
    """Yield a running PostgreSQL 15, the oldest version that we support, because Supabase has it."""
    require(DEBIAN_15.is_dir(), f"no PostgreSQL 15 in {DEBIAN_15}: install Debian's postgresql")
    with Postgres(DEBIAN_15) as server:
        yield server


@pytest.mark.parametrize("name", SCHEMAS)
@pytest.mark.parametrize("server", ["postgres", "old_postgres"])
def test_migrations_make_the_reviewed_schema(request: pytest.FixtureRequest, server: str, name: str) -> None:
    """A changed schema or an edited migration differs from the snapshots in `tests/contract/schemas`.

    After an intended change, rewrite the snapshots with `python -m tests.support.catalog` and review the difference.
    """
    assert take_snapshot(request.getfixturevalue(server), name) == (SNAPSHOTS / f"{name}.txt").read_text()
