"""Migrations: order, checksums, and the refusal of anything but an append."""

from pathlib import Path

import pytest

from schemas.migrations import MINING_POSTGRES, PERMANENT, Migration, RefusedMigrations, pending, read_migrations

THREE = [Migration(id=f"000{number}_step", sql="", checksum=f"{number}" * 64) for number in (1, 2, 3)]


def write(folder: Path, **texts: str) -> Path:
    """Write files of migrations by id."""
    for id_, text in texts.items():
        (folder / f"{id_.removeprefix('_')}.sql").write_bytes(text.encode())
    return folder


def test_files_are_read_in_order(tmp_path: Path) -> None:
    """Ids are the names, checksums the SHA-256 of the texts; other files do not matter."""
    write(tmp_path, _0002_more="B", _0001_first_tables="A")
    (tmp_path / "README.md").touch()

    migrations = read_migrations(tmp_path)

    assert [(migration.id, migration.sql) for migration in migrations] == [
        ("0001_first_tables", "A"),
        ("0002_more", "B"),
    ]
    assert migrations[0].checksum == "559aead08264d5795d3909718cdd05abd49572e84fe55590eef31a88a08fdffd"


def test_line_ends_do_not_change_the_checksum(tmp_path: Path) -> None:
    """A checkout with CRLF has the history of one with LF."""
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
        (["_0002_b"], "0002_b.sql stands where number 0001 was expected"),
        (["_0001_a", "_0003_c"], "0003_c.sql stands where number 0002 was expected"),
        (["_0001_a", "_0001_b"], "0001_b.sql stands where number 0002 was expected"),
        (["_001_a"], "001_a.sql is not named like"),
        (["_0001-a"], "0001-a.sql is not named like"),
        (["_0001_A"], "0001_A.sql is not named like"),
    ],
)
def test_a_folder_that_is_out_of_order_is_refused(tmp_path: Path, names: list[str], sentence: str) -> None:
    """Gaps, twins and other names are named in one sentence."""
    write(tmp_path, **dict.fromkeys(names, ""))

    with pytest.raises(RefusedMigrations, match=sentence):
        read_migrations(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Its name and the reason stand in the sentence."""
    with pytest.raises(RefusedMigrations, match=r"nowhere cannot be read: No such file or directory\.$"):
        read_migrations(tmp_path / "nowhere")


@pytest.mark.parametrize("done", range(4))
def test_what_is_not_applied_is_pending(done: int) -> None:
    """The first ones being applied, whatever order the record comes in, the rest is left."""
    applied = [(migration.id, migration.checksum) for migration in reversed(THREE[:done])]

    assert pending(THREE, applied) == THREE[done:]


def test_what_another_tool_applied_is_taken_as_it_is() -> None:
    """Without a checksum there is nothing to compare."""
    assert pending(THREE, [("0001_step", None), ("0002_step", THREE[1].checksum)]) == [THREE[2]]


@pytest.mark.parametrize(
    ("applied", "sentence"),
    [
        ([("0001_step", "0" * 64)], "0001_step was edited after it was applied"),
        ([("0002_step", THREE[1].checksum)], "0001_step was passed over, though 0002_step was applied"),
        ([("0001_other", "0" * 64)], "0001_other was applied, but its file is gone or was renamed"),
        (
            [*((each.id, each.checksum) for each in THREE), ("0004_new", "4" * 64)],
            "database is newer than this program: it has the migration 0004_new, the newest known is 0003_step",
        ),
    ],
)
def test_another_history_is_refused(applied: list[tuple[str, str]], sentence: str) -> None:
    """Edited, passed over, renamed and newer migrations are each told in one sentence."""
    with pytest.raises(RefusedMigrations, match=sentence):
        pending(THREE, applied)


@pytest.mark.parametrize("folder", [PERMANENT, MINING_POSTGRES])
def test_our_own_migrations_are_in_order(folder: Path) -> None:
    """The folders of the project are read, and all of them is pending on a new database."""
    migrations = read_migrations(folder)

    assert pending(migrations, []) == migrations
    assert all(migration.sql.isascii() for migration in migrations)


@pytest.mark.parametrize("migration", read_migrations(PERMANENT), ids=lambda migration: migration.id)
def test_permanent_migrations_record_themselves(migration: Migration) -> None:
    """Each ends by noting its own id, for tools that do not know our record."""
    assert migration.sql.endswith(f"\nINSERT INTO leadminer.migrations (id) VALUES ('{migration.id}');\n")
