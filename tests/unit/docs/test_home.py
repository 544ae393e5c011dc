"""The data directory of the embedded servers holds what `docs/self-host.md` says, and nothing else."""

import re
import stat
import tempfile
from pathlib import Path

from fetcher.embedded.start import EmbeddedError, start
from fetcher.mining.claims import claim_source
from fetcher.service.sessions import kept_secret
from tests.support.fixtures import require
from tests.unit.docs.pages import read_page, table


def described() -> set[str]:
    """Return the names in the table, folders without their slash."""
    rows = table(read_page("docs/self-host.md"), "in the data directory")
    return {name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row[0])}


def test_the_table_is_what_is_there() -> None:
    """While servers run and a source is claimed, after `serve`, the directory has exactly the names in the table.

    Only the owner can open the folders.
    """
    with tempfile.TemporaryDirectory(prefix="lm-") as folder:
        home = Path(folder) / "home"
        kept_secret(home)
        try:
            with start(home, processors=1), claim_source(home / "claims", user="local", source="a@b:993"):
                found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir() if path.is_dir()}
                names = {path.name for path in home.iterdir()}
        except EmbeddedError as error:
            require(False, f"no embedded servers: {error}")

    assert names == described()
    assert set(found.values()) == {0o700}
