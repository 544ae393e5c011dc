"""D1's errors become the ports' errors, and one invocation stays within its limits."""

import pytest

from processor.adapters.cloudflare.d1 import SCHEMA_VERSION, D1MiningStore, translate
from processor.ports import Conflict, LimitExceeded, Unavailable
from tests.support.sqlite_d1 import D1Error, SqliteD1


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("D1_ERROR: NOT NULL constraint failed: guard.holds: SQLITE_CONSTRAINT", Conflict),
        ("D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT", Conflict),
        ("D1_ERROR: string or blob too big: SQLITE_TOOBIG", LimitExceeded),
        ("D1_ERROR: statement too long: SQLITE_TOOBIG", LimitExceeded),
        ("D1_ERROR: D1 DB is overloaded. Too many requests queued.", Unavailable),
        ("D1_ERROR: Network connection lost.", Unavailable),
        ("D1_ERROR: internal error; reference = abc", Unavailable),
        ("D1_ERROR: Exceeded maximum DB size.", Unavailable),
        ("D1_ERROR: no such column: x: SQLITE_ERROR", D1Error),
        ("D1_TYPE_ERROR: Type 'bigint' not supported for value '9007199254740993'", D1Error),
    ],
)
def test_errors_are_translated(text: str, error: type[Exception]) -> None:
    """A guard is a Conflict, a size LimitExceeded, an outage Unavailable; our own mistakes are unchanged."""
    assert isinstance(translate(D1Error(text)), error)


async def test_without_tables_the_store_says_what_to_do() -> None:
    """For an empty database the error says which migrations to apply, and no segment is blamed."""
    with pytest.raises(Unavailable, match=SCHEMA_VERSION):
        await D1MiningStore(SqliteD1()).query("ping")


async def test_an_older_schema_is_refused() -> None:
    """No statement runs on a database with older migrations."""
    database = SqliteD1.migrated()
    database.connection.execute("UPDATE migrations SET id = '0000_before'")

    with pytest.raises(Unavailable, match="0000_before"):
        await D1MiningStore(database).query("ping")


async def test_a_newer_schema_is_served() -> None:
    """A running Worker continues after the migrations of its next version are applied."""
    database = SqliteD1.migrated()
    database.connection.execute("INSERT INTO migrations (id) VALUES ('9999_later')")

    assert await D1MiningStore(database).query("ping") == [{"ok": 1}]


async def test_an_invocation_ends_at_its_queries() -> None:
    """At the platform's limit no more statements run, and the job waits for another invocation."""
    store = D1MiningStore(SqliteD1.migrated(), max_queries=3)

    for _ in range(2):
        await store.query("ping")
    with pytest.raises(Unavailable):
        await store.query("ping")


async def test_the_database_tells_its_size() -> None:
    """The store knows the database's size after a statement, so that a warning is possible."""
    store = D1MiningStore(SqliteD1.migrated())

    await store.query("ping")

    assert store.size_bytes > 0
