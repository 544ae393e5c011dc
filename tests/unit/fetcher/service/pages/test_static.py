"""The static files: scripts of others are what npm has, and a first view is small."""

import hashlib
import json
import re
import tomllib
from typing import Any

import pytest

from fetcher.service.pages.front import STATIC
from tests.support.npm import BROWSER
from tests.support.site import Site

SCRIPTS: list[dict[str, str]] = tomllib.loads(STATIC.with_name("scripts.toml").read_text("utf-8"))["script"]
OURS = {"mark.svg", "page.css", "page.js"}
MOST_BYTES = 100_000
"""What a first view may load in all, uncompressed."""


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script["file"])
def test_a_script_has_the_version_and_digest_of_the_lock(script: dict[str, str]) -> None:
    """Each script of others is named with the version and digest of npm's lock file, and is unchanged."""
    packages: dict[str, Any] = json.loads((BROWSER / "package-lock.json").read_text("utf-8"))["packages"]
    locked = packages[f"node_modules/{script['package']}"]

    assert (script["version"], script["integrity"]) == (locked["version"], locked["integrity"])
    assert script["license"] == "0BSD"
    assert hashlib.sha256((STATIC / script["file"]).read_bytes()).hexdigest() == script["sha256"]


def test_every_static_file_is_ours_or_named() -> None:
    """No file is in the folder whose origin is not named."""
    assert {each.name for each in STATIC.iterdir()} == OURS | {script["file"] for script in SCRIPTS}


async def test_a_first_view_is_small(site: Site) -> None:
    """A first view loads less than 100 KB with all its files, even that with live progress."""
    for path in ("/", "/contacts", "/minings/22222222-aaaa-4aaa-8aaa-000000000002"):
        page = await site.get(path)
        files = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
        loaded = [await site.client.get(file) for file in files]

        assert all(each.status_code == 200 for each in loaded)
        assert len(page.encode()) + sum(len(each.content) for each in loaded) <= MOST_BYTES
