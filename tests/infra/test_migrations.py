"""D1's migrations are split like SQLite does, applied completely or not at all, and never edited; tested on SQLite."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from infra.migrations import (
    HAS_RECORD,
    READ_RECORD,
    check_history,
    describe,
    plan_batches,
    read_d1_migrations,
    split_statements,
)
from schemas.limits import D1_STATEMENT_BYTES
from schemas.migrations import Migration, RefusedMigrations


def migration(number: int, sql: str) -> Migration:
    return Migration(f"{number:04}_test", sql, f"checksum-{number}-{len(sql)}")


FIRST = migration(
    1, "CREATE TABLE migrations (id TEXT PRIMARY KEY, checksum TEXT);\nCREATE TABLE a (x);\n-- The end: of it.\n"
)
SECOND = migration(2, "CREATE TABLE b (x);\nINSERT INTO b VALUES ('a;\n-- b');\n")


@pytest.fixture
def database() -> Iterator[sqlite3.Connection]:
    """Yield an empty database."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def apply(database: sqlite3.Connection, migrations: list[Migration]) -> int:
    applied = database.execute(READ_RECORD).fetchall() if database.execute(HAS_RECORD).fetchone()[0] else []
    batches = list(plan_batches(migrations, applied))
    for batch in batches:
        database.execute("BEGIN")
        try:
            for statement in batch:
                database.execute(statement["sql"], statement["params"])
        except sqlite3.Error:
            database.execute("ROLLBACK")
            raise
        database.execute("COMMIT")
    return len(batches)


def test_the_files_of_the_checkout_apply_statement_by_statement(database: sqlite3.Connection) -> None:
    """All migrations are applied and recorded with their checksums, and a second run has nothing to do."""
    files = read_d1_migrations()

    assert apply(database, files) == len(files)
    assert apply(database, files) == 0
    assert dict(database.execute(READ_RECORD).fetchall()) == describe(files)


def test_what_is_split_makes_the_same_tables_as_the_whole_file(database: sqlite3.Connection) -> None:
    """Splitting loses and cuts no statement."""
    listed = "SELECT type, name FROM sqlite_master ORDER BY type, name"
    with closing(sqlite3.connect(":memory:")) as whole:
        for each in read_d1_migrations():
            whole.executescript(each.sql)
        expected = whole.execute(listed).fetchall()

    apply(database, read_d1_migrations())

    assert database.execute(listed).fetchall() == expected


def test_semicolons_and_comments_within_texts_and_triggers_stay(database: sqlite3.Connection) -> None:
    """Semicolons in strings, comments and triggers do not end a statement."""
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM a;\n  -- why;\nEND;"

    assert list(split_statements(SECOND))[1] == "INSERT INTO b VALUES ('a;\n-- b');"
    assert list(split_statements(migration(3, f"{trigger}\n"))) == [trigger]


def test_added_ones_are_applied_to_what_is_there(database: sqlite3.Connection) -> None:
    """Each new migration is one batch."""
    apply(database, [FIRST])

    assert apply(database, [FIRST, SECOND]) == 1
    assert database.execute("SELECT x FROM b").fetchall() == [("a;\n-- b",)]


def test_one_that_fails_leaves_nothing(database: sqlite3.Connection) -> None:
    """A failed migration leaves neither tables nor a record, and is applied next time."""
    apply(database, [FIRST])
    broken = migration(2, "CREATE TABLE b (x);\nINSERT INTO nowhere VALUES (1);\n")

    with pytest.raises(sqlite3.Error):
        apply(database, [FIRST, broken])

    assert apply(database, [FIRST, SECOND]) == 1


def test_one_that_another_tool_applied_is_adopted(database: sqlite3.Connection) -> None:
    """A migration that another tool recorded without a checksum gets its checksum."""
    database.executescript(FIRST.sql)
    database.execute("INSERT INTO migrations (id) VALUES (?)", [FIRST.id])

    assert apply(database, [FIRST]) == 1
    assert database.execute(READ_RECORD).fetchall() == [(FIRST.id, FIRST.checksum)]


def test_edited_history_is_refused_before_anything_is_done() -> None:
    """Edited history is refused, by the database's record and by the state's."""
    with pytest.raises(RefusedMigrations, match="edited after it was applied"):
        list(plan_batches([FIRST, SECOND], [(FIRST.id, "another")]))
    with pytest.raises(RefusedMigrations, match="edited after it was applied"):
        check_history({FIRST.id: "another"}, describe([FIRST]))
    with pytest.raises(RefusedMigrations, match="newer than this program"):
        check_history(describe([FIRST, SECOND]), describe([FIRST]))


def test_appended_history_is_fine() -> None:
    """A state with the first migrations accepts added ones."""
    check_history(describe([FIRST]), describe([FIRST, SECOND]))


@pytest.mark.parametrize(
    ("sql", "said"),
    [("CREATE TABLE a (x)", "has no end: add a semicolon"), (f"SELECT '{'x' * D1_STATEMENT_BYTES}';", "split it")],
)
def test_what_d1_would_refuse_is_refused_here(sql: str, said: str) -> None:
    """A statement without an end or above D1's limit is refused."""
    with pytest.raises(RefusedMigrations, match=said):
        list(split_statements(migration(1, sql)))


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    """A folder without migrations is refused."""
    with pytest.raises(RefusedMigrations, match="holds no migrations"):
        read_d1_migrations(tmp_path)
