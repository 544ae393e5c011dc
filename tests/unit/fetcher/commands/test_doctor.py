"""Doctor's findings: what is wrong, with which value, and how to fix it."""

import os
from itertools import takewhile
from pathlib import Path

import pytest

from fetcher.commands.doctor import Finding, examine


@pytest.fixture(autouse=True)
def _embedded_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("POSTGRES_", "REDIS_", "CLOUDFLARE_", "PROCESSOR_", "LEADMINER_", "RAW_", "STORAGE_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("LEADMINER_HOME", str(tmp_path / "home"))


def _findings_before_the_servers() -> dict[str, Finding]:
    """Return the findings before anything is started."""
    return {finding.check: finding for finding in takewhile(lambda one: one.check != "PostgreSQL", examine("local"))}


def test_a_home_that_will_be_made_is_well(tmp_path: Path) -> None:
    """A missing data directory is fine, and the check does not create it."""
    found = _findings_before_the_servers()

    assert [found[check].well for check in ("python", "settings", "home", "disk")] == [True] * 4
    assert str(tmp_path / "home") in found["home"].text
    assert not (tmp_path / "home").exists()


def test_a_home_that_others_can_read_is_shown_with_its_mode(tmp_path: Path) -> None:
    """If others can read the data directory, the finding shows its mode, and the fix is the command to run."""
    (tmp_path / "home").mkdir(mode=0o755)
    (tmp_path / "home").chmod(0o755)

    found = _findings_before_the_servers()["home"]

    assert "0755" in found.text
    assert found.fix == f"Run: chmod 700 {tmp_path / 'home'}"


def test_a_home_that_is_a_file_is_no_home(tmp_path: Path) -> None:
    """If the data directory is a file, the fix names the setting."""
    (tmp_path / "home").write_text("")

    found = _findings_before_the_servers()["home"]

    assert not found.well
    assert "LEADMINER_HOME" in found.fix


def test_a_private_home_is_well(tmp_path: Path) -> None:
    """A private data directory, as leadminer creates it, is fine."""
    (tmp_path / "home").mkdir(mode=0o700)

    assert _findings_before_the_servers()["home"].well
