"""D1's errors become the ports' errors, and one invocation stays within its limits."""

import pytest

from processor.adapters.cloudflare.d1 import SCHEMA_VERSION, D1MiningStore, translate
from processor.ports import Conflict, LimitExceeded, Statement, Unavailable
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
        ("D1_ERROR: table minings has no column named x: SQLITE_ERROR", D1Error),
        ("D1_TYPE_ERROR: Type 'bigint' not supported for value '9007199254740993'", D1Error),
    ],
)
def test_errors_are_translated(text: str, error: type[Exception]) -> None:
    """A guard is a Conflict, a size LimitExceeded, an outage Unavailable; our own mistakes are unchanged."""
    assert isinstance(translate(D1Error(text)), error)


async def test_without_tables_the_store_says_what_to_do() -> None:
    """For an empty database the error says which migrations to apply, and no segment is blamed."""
    with pytest.raises(Unavailable, match=SCHEMA_VERSION):
        await D1MiningStore(SqliteD1()).query("minings")


async def test_a_statement_costs_no_look_at_the_schema() -> None:
    """While nothing is missing, only the statement itself runs."""
    store = D1MiningStore(SqliteD1.migrated())

    await store.query("ping")

    assert store.queries == 1


@pytest.mark.parametrize(
    "change", ["DROP TABLE watermarks", "ALTER TABLE watermarks RENAME COLUMN uids TO u"], ids=["table", "column"]
)
async def test_what_an_older_schema_lacks_is_explained(change: str) -> None:
    """If a table or column is missing, the error says which migrations the database has, and which it needs."""
    database = SqliteD1.migrated()
    database.connection.execute(change)
    database.connection.execute("UPDATE migrations SET id = '0000_before'")
    store, marks = D1MiningStore(database), {"folders": ["f"], "uidvalidities": [1], "uids": ["1"]}

    with pytest.raises(Unavailable, match=f"0000_before.*{SCHEMA_VERSION}"):
        await store.query("watermarks", user_no=1, source="s")
    with pytest.raises(Unavailable, match=f"0000_before.*{SCHEMA_VERSION}"):
        await store.batch([Statement("write_watermarks", {"user_no": 1, "source": "s", **marks})])


async def test_what_our_schema_lacks_is_our_mistake() -> None:
    """If the migrations are applied, the error is D1's own."""
    database = SqliteD1.migrated()
    database.connection.execute("DROP TABLE watermarks")

    with pytest.raises(D1Error, match="no such table"):
        await D1MiningStore(database).query("watermarks", user_no=1, source="s")


async def test_a_newer_schema_is_served() -> None:
    """A running Worker continues after the migrations of its next version are applied."""
    database = SqliteD1.migrated()
    database.connection.execute("INSERT INTO migrations (id) VALUES ('9999_later')")

    assert await D1MiningStore(database).query("ping") == [{"ok": 1}]


async def test_an_invocation_ends_at_its_queries() -> None:
    """At the platform's limit no more statements run, and the job waits for another invocation."""
    store = D1MiningStore(SqliteD1.migrated(), max_queries=2)

    for _ in range(2):
        await store.query("ping")
    with pytest.raises(Unavailable):
        await store.query("ping")


async def test_the_database_tells_its_size() -> None:
    """The store knows the database's size after a statement, so that a warning is possible."""
    store = D1MiningStore(SqliteD1.migrated())

    await store.query("ping")

    assert store.size_bytes > 0
