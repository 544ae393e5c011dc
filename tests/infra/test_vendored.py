"""The Worker's PyPI packages are installed once, exactly as locked."""

from pathlib import Path

import pytest

from infra.vendored import VendoringFailed, vendor

LOCK = Path(__file__).parents[2] / "requirements" / "worker.lock"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache for the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "leadminer-build"


def test_what_the_lock_names_is_installed_once(cache: Path) -> None:
    """A second call returns the folder of the first, unchanged."""
    first = vendor(LOCK)
    (first / "mark").touch()

    second = vendor(LOCK)

    assert second == first
    assert (second / "mark").exists()
    assert (second / "workers" / "__init__.py").is_file()
    assert [path.name for path in cache.iterdir()] == [first.parent.name]


def test_another_lock_has_another_folder(tmp_path: Path) -> None:
    """Another lock is installed into another folder."""
    other = tmp_path / "worker.lock"
    other.write_text(LOCK.read_text() + "# changed\n")

    assert vendor(other) != vendor(LOCK)


def test_a_package_that_is_not_the_locked_one_is_refused(tmp_path: Path, cache: Path) -> None:
    """A wrong hash installs nothing, and the error names the package."""
    wrong = tmp_path / "worker.lock"
    wrong.write_text(f"workers-runtime-sdk==1.9.5 --hash=sha256:{'0' * 64}\n")

    with pytest.raises(VendoringFailed, match="workers-runtime-sdk"):
        vendor(wrong)

    assert list(cache.iterdir()) == []
