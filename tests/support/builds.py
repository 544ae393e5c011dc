"""`python -m tests.support.builds`: builds what the tests need on a new machine, once and in advance."""

import subprocess
import sys
from collections.abc import Callable

from infra.vendored import VendoringFailed, vendor
from tests.support.cloudflare.fixtures import LOCK
from tests.support.cloudflare.packages import PiecesMissing, fetch_pieces
from tests.support.docker.engine import DockerMissing, make_base
from tests.support.pulumi.engine import EngineMissing, build_engine

BUILDS: tuple[tuple[str, Callable[[], object]], ...] = (
    ("npm packages of the local Cloudflare", fetch_pieces),
    ("the Worker's packages", lambda: vendor(LOCK)),
    ("the file system of the base image", make_base),
    ("the Pulumi engine", build_engine),
)
"""In the order in which the tests need them."""


def main() -> None:
    """Build each; report what cannot be built, which then fails the tests that need it."""
    for name, build in BUILDS:
        try:
            build()
        except (DockerMissing, EngineMissing, PiecesMissing, VendoringFailed, subprocess.SubprocessError) as error:
            sys.stderr.write(f"{name}: {error}\n")


if __name__ == "__main__":
    main()
