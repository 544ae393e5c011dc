"""The data directory: its folders and locks."""

import os
from pathlib import Path

import pytest

from fetcher.embedded.child import EmbeddedError
from fetcher.embedded.home import SOCKET_PATH_BYTES, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a prepared data directory."""
    home = Home(tmp_path / "home")
    home.prepare()
    return home


def test_a_lock_taken_alone_bars_everybody(home: Home) -> None:
    """While an exclusive lock is held, nobody else gets the lock, shared or exclusive; afterwards it is free."""
    descriptor = home.lock("a.lock")
    assert descriptor is not None
    barred = (home.lock("a.lock"), home.lock("a.lock", shared=True), home.held("a.lock"))

    os.close(descriptor)

    assert barred == (None, None, True)
    assert not home.held("a.lock")


def test_a_shared_lock_bars_only_who_wants_it_alone(home: Home) -> None:
    """Many can hold a shared lock, and meanwhile nobody gets an exclusive one."""
    first, second = home.lock("a.lock", shared=True), home.lock("a.lock", shared=True)
    assert first is not None
    assert second is not None

    alone = home.lock("a.lock")
    os.close(first)
    os.close(second)

    assert alone is None
    assert not home.held("a.lock")


def test_what_is_published_holds_as_long_as_its_descriptor(home: Home) -> None:
    """A runtime file is trusted only while its writer lives, and only the owner can read it."""
    descriptor = home.publish({"token": "t"})
    read = home.read_runtime()
    mode = (home.folder / "runtime.json").stat().st_mode & 0o777

    os.close(descriptor)

    assert read == {"token": "t"}
    assert mode == 0o600
    assert home.read_runtime() is None


def test_sockets_lie_at_home_where_the_path_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the path is short, the sockets are in the data directory, in a private folder that stays the same."""
    monkeypatch.chdir(tmp_path)
    home = Home(Path("h"))
    home.folder.mkdir()

    folder = home.sockets()

    assert folder == home.sockets() == home.folder / "sockets"
    assert folder.stat().st_mode & 0o777 == 0o700


def test_sockets_lie_elsewhere_where_the_path_is_long(tmp_path: Path) -> None:
    """If the path is long, the sockets are elsewhere, under a short path that differs for each data directory."""
    folders = [Home(tmp_path / (letter * 100)).sockets() for letter in "ab"]
    for folder in folders:
        folder.rmdir()

    assert folders[0] != folders[1]
    assert max(len(os.fsencode(folder / ".s.PGSQL.5432")) for folder in folders) <= SOCKET_PATH_BYTES


def test_sockets_lie_elsewhere_where_the_path_has_a_comma(tmp_path: Path) -> None:
    """If the path has a comma, which connection strings do not allow, the sockets are elsewhere."""
    folder = Home(tmp_path / "a,b").sockets()
    folder.rmdir()

    assert "," not in str(folder)


def test_a_folder_that_others_can_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket folder that others can access is refused, and its mode stays unchanged."""
    monkeypatch.chdir(tmp_path)
    home = Home(Path("h"))
    folder = home.folder / "sockets"
    folder.mkdir(parents=True)
    folder.chmod(0o777)

    with pytest.raises(EmbeddedError, match=r"Other accounts can access .*sockets: remove it, or set LEADMINER_HOME"):
        home.sockets()

    assert folder.stat().st_mode & 0o777 == 0o777


def test_a_missing_or_broken_state_says_nothing(home: Home) -> None:
    """A missing or broken state file reads as no children and no trouble."""
    nothing: dict[str, object] = {"children": {}, "trouble": []}
    missing = home.read_state()
    (home.folder / "state.json").write_text("{")

    assert missing == home.read_state() == nothing
