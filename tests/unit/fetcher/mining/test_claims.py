"""One fetcher a source on one machine, and the next one is known as the same."""

from pathlib import Path

import pytest

from fetcher.mining.claims import claim_source
from fetcher.ports import Conflict


def test_a_later_fetcher_has_the_name_of_the_earlier(tmp_path: Path) -> None:
    """So that the lease of one that was killed need not run out first."""
    with claim_source(tmp_path / "claims", user="local", source="a@b:993") as first:
        pass
    with claim_source(tmp_path / "claims", user="local", source="a@b:993") as second:
        pass

    assert first == second


def test_two_at_once_are_kept_apart(tmp_path: Path) -> None:
    """The second one is told which source is being read."""
    with (
        claim_source(tmp_path, user="local", source="a@b:993"),
        pytest.raises(Conflict, match="a@b:993"),
        claim_source(tmp_path, user="local", source="a@b:993"),
    ):
        pass


def test_other_sources_and_users_are_not_in_the_way(tmp_path: Path) -> None:
    """Each has its own claim and name."""
    with (
        claim_source(tmp_path, user="local", source="a@b:993") as one,
        claim_source(tmp_path, user="local", source="c@b:993") as two,
        claim_source(tmp_path, user="jane", source="a@b:993") as three,
    ):
        names = {one, two, three}

    assert len(names) == 3


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    """A container with a read-only file system mines all the same, under a name of its own."""
    (tmp_path / "file").write_text("")

    with claim_source(tmp_path / "file" / "claims", user="local", source="a@b:993") as first:
        pass
    with claim_source(tmp_path / "file" / "claims", user="local", source="a@b:993") as second:
        pass

    assert first != second


def test_the_file_names_nobody(tmp_path: Path) -> None:
    """Sources stand by digest on the disk, for their owner alone."""
    home = tmp_path / "home"

    with claim_source(home / "claims", user="local", source="jane@imap.example.org:993"):
        (found,) = (home / "claims").iterdir()

        assert "jane" not in found.name + found.read_text()
        assert [path.stat().st_mode & 0o077 for path in (home, home / "claims", found)] == [0, 0, 0]
