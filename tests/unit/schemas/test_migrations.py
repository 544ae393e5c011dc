"""Migrations have an order and checksums, and can only be appended."""

from pathlib import Path

import pytest

from schemas.migrations import MINING_POSTGRES, PERMANENT, Migration, RefusedMigrations, pending, read_migrations

THREE = [Migration(id=f"000{number}_step", sql="", checksum=f"{number}" * 64) for number in (1, 2, 3)]


def write(folder: Path, **texts: str) -> Path:
    """Write migration files by id."""
    for id_, text in texts.items():
        (folder / f"{id_.removeprefix('_')}.sql").write_bytes(text.encode())
    return folder


def test_files_are_read_in_order(tmp_path: Path) -> None:
    """Ids are the file names and checksums the SHA-256 of the texts; other files are ignored."""
    write(tmp_path, _0002_more="B", _0001_first_tables="A")
    (tmp_path / "README.md").touch()

    migrations = read_migrations(tmp_path)

    assert [(migration.id, migration.sql) for migration in migrations] == [
        ("0001_first_tables", "A"),
        ("0002_more", "B"),
    ]
    assert migrations[0].checksum == "559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd"


def test_line_ends_do_not_change_the_checksum(tmp_path: Path) -> None:
    """A checkout with CRLF has the same checksums as one with LF."""
    folders = [tmp_path / "lf", tmp_path / "crlf"]
    for folder, end in zip(folders, ("\n", "\r\n"), strict=True):
        folder.mkdir()
        write(folder, _0001_a=f"SELECT 1;{end}SELECT 2;{end}")

    lf, crlf = map(read_migrations, folders)

    assert lf == crlf


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        ([], "holds no migrations"),
        (["_0002_b"], "Expected migration number 0001 but found 0002_b.sql"),
        (["_0001_a", "_0003_c"], "Expected migration number 0002 but found 0003_c.sql"),
        (["_0001_a", "_0001_b"], "Expected migration number 0002 but found 0001_b.sql"),
        (["_001_a"], "001_a.sql must be named like"),
        (["_0001-a"], "0001-a.sql must be named like"),
        (["_0001_A"], "0001_A.sql must be named like"),
    ],
)
def test_a_folder_that_is_out_of_order_is_refused(tmp_path: Path, names: list[str], sentence: str) -> None:
    """One sentence names the file that is out of order or misnamed."""
    write(tmp_path, **dict.fromkeys(names, ""))

    with pytest.raises(RefusedMigrations, match=sentence):
        read_migrations(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The sentence contains the folder's name and the reason."""
    with pytest.raises(RefusedMigrations, match=r"Cannot read .*nowhere: No such file or directory\.$"):
        read_migrations(tmp_path / "nowhere")


@pytest.mark.parametrize("done", range(4))
def test_what_is_not_applied_is_pending(done: int) -> None:
    """If the first migrations are applied, the rest is pending, whatever the order of the record."""
    applied = [(migration.id, migration.checksum) for migration in reversed(THREE[:done])]

    assert pending(THREE, applied) == THREE[done:]


def test_what_another_tool_applied_is_taken_as_it_is() -> None:
    """A migration without a checksum is not compared."""
    assert pending(THREE, [("0001_step", None), ("0002_step", THREE[1].checksum)]) == [THREE[2]]


@pytest.mark.parametrize(
    ("applied", "sentence"),
    [
        ([("0001_step", "0" * 64)], "0001_step was edited after it was applied"),
        ([("0002_step", THREE[1].checksum)], "0001_step was skipped, although 0002_step was applied"),
        ([("0001_other", "0" * 64)], "0001_other was applied, but its file was deleted or renamed"),
        (
            [*((each.id, each.checksum) for each in THREE), ("0004_new", "4" * 64)],
            "database is newer than this program: it has migration 0004_new, but the newest known is 0003_step",
        ),
    ],
)
def test_another_history_is_refused(applied: list[tuple[str, str]], sentence: str) -> None:
    """Edited, skipped, renamed and newer migrations each get their own sentence."""
    with pytest.raises(RefusedMigrations, match=sentence):
        pending(THREE, applied)


@pytest.mark.parametrize("folder", [PERMANENT, MINING_POSTGRES])
def test_our_own_migrations_are_in_order(folder: Path) -> None:
    """The project's own folders can be read, and every migration is pending on a new database."""
    migrations = read_migrations(folder)

    assert pending(migrations, []) == migrations
    assert all(migration.sql.isascii() for migration in migrations)


@pytest.mark.parametrize("migration", read_migrations(PERMANENT), ids=lambda migration: migration.id)
def test_permanent_migrations_record_themselves(migration: Migration) -> None:
    """Each file ends by recording its own id, for tools that do not keep our record."""
    assert migration.sql.endswith(f"\nINSERT INTO leadminer.migrations (id) VALUES ('{migration.id}');\n")
