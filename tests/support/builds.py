"""`python -m tests.support.builds`: builds what the tests need on a new machine, once and in advance."""

import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from infra.vendored import VendoringFailed, vendor
from tests.support.cloudflare.fixtures import LOCK
from tests.support.cloudflare.packages import PiecesMissing, fetch_pieces
from tests.support.docker.engine import DockerMissing, make_base
from tests.support.npm import fetch_browser_packages
from tests.support.pulumi.engine import EngineMissing, build_engine

BUILDS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("the Pulumi engine", build_engine),
    ("npm packages of the local Cloudflare", fetch_pieces),
    ("npm packages of the pages", fetch_browser_packages),
    ("the Worker's packages", lambda: vendor(LOCK)),
    ("the file system of the base image", make_base),
)
"""The first computes for minutes; the others mostly download."""


def main() -> None:
    """Build all side by side; report what cannot be built, which then fails the tests that need it."""
    with ThreadPoolExecutor(len(BUILDS)) as pool:
        for name, build in BUILDS:
            pool.submit(_build, name, build)


def _build(name: str, build: Callable[[], object]) -> None:
    began = time.monotonic()
    try:
        build()
    except (DockerMissing, EngineMissing, PiecesMissing, VendoringFailed, subprocess.SubprocessError) as error:
        sys.stderr.write(f"{name}: {error}\n")
    else:
        sys.stderr.write(f"Built {name} in {time.monotonic() - began:.0f} s.\n")


if __name__ == "__main__":
    main()
