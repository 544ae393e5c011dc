"""One fetcher per source on one machine; the next one has the same name."""

from pathlib import Path

import pytest

from fetcher.mining.claims import claim_source
from fetcher.ports import Conflict


def test_a_later_fetcher_has_the_name_of_the_earlier(tmp_path: Path) -> None:
    """A later fetcher has the same name, so the lease of a killed one does not have to expire first."""
    with claim_source(tmp_path / "claims", user="local", source="a@b:993") as first:
        pass
    with claim_source(tmp_path / "claims", user="local", source="a@b:993") as second:
        pass

    assert first == second


def test_two_at_once_are_kept_apart(tmp_path: Path) -> None:
    """A second fetcher of the same source is refused, and the error names the source."""
    with (
        claim_source(tmp_path, user="local", source="a@b:993"),
        pytest.raises(Conflict, match="a@b:993"),
        claim_source(tmp_path, user="local", source="a@b:993"),
    ):
        pass


def test_other_sources_and_users_are_not_in_the_way(tmp_path: Path) -> None:
    """Other sources and users have their own claims and names."""
    with (
        claim_source(tmp_path, user="local", source="a@b:993") as one,
        claim_source(tmp_path, user="local", source="c@b:993") as two,
        claim_source(tmp_path, user="jane", source="a@b:993") as three,
    ):
        names = {one, two, three}

    assert len(names) == 3


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    """Without a writable folder, as in a read-only container, each fetcher gets its own name."""
    (tmp_path / "file").write_text("")

    with claim_source(tmp_path / "file" / "claims", user="local", source="a@b:993") as first:
        pass
    with claim_source(tmp_path / "file" / "claims", user="local", source="a@b:993") as second:
        pass

    assert first != second


def test_the_file_names_nobody(tmp_path: Path) -> None:
    """Lock files are named by a digest of the source, and only the owner can read them."""
    home = tmp_path / "home"

    with claim_source(home / "claims", user="local", source="jane@imap.example.org:993"):
        (found,) = (home / "claims").iterdir()

        assert "jane" not in found.name + found.read_text()
        assert [path.stat().st_mode & 0o077 for path in (home, home / "claims", found)] == [0, 0, 0]
