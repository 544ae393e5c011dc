"""Fixtures of the local Cloudflare: one workerd per session, because starting it takes seconds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.bundle import MAX_BYTES, bundle_modules
from infra.vendored import VendoringFailed, vendor
from tests.support.cloudflare.deployment import Deployment, bundle_metered
from tests.support.cloudflare.local import LocalCloudflare
from tests.support.cloudflare.packages import HERE, Pieces, PiecesMissing, fetch_pieces
from tests.support.fixtures import require
from tests.support.servers import Postgres

LOCK = HERE.parents[2] / "requirements" / "worker.lock"


@pytest.fixture(scope="session")
def pieces() -> Pieces:
    """Return the npm packages of the local Cloudflare."""
    try:
        return fetch_pieces()
    except PiecesMissing as error:
        require(False, f"no local Cloudflare: {error}")
        raise


@pytest.fixture(scope="session")
def sdk() -> Path:
    """Return the folder with the Worker's packages from PyPI."""
    try:
        return vendor(LOCK)
    except VendoringFailed as error:
        require(False, f"no SDK of the Worker: {error}")
        raise


@pytest.fixture(scope="session")
def shared_deployment(pieces: Pieces, sdk: Path, postgres: Postgres) -> Iterator[Deployment]:
    """Yield the deployed Worker with everything around it, which all tests of the session share."""
    with Deployment(pieces, bundle_metered(sdk), postgres) as deployment:
        yield deployment


@pytest.fixture
def deployment(shared_deployment: Deployment) -> Iterator[Deployment]:
    """Yield the deployed Worker without faults and with meters at zero. Each test uses its own users."""
    shared_deployment.reset_meters()
    yield shared_deployment
    shared_deployment.reset_meters()
    shared_deployment.rest.fail()


@pytest.fixture(scope="session")
def probe(pieces: Pieces, sdk: Path) -> Iterator[LocalCloudflare]:
    """Yield a running local Cloudflare with a Worker that only records what it receives."""
    bundle = bundle_modules("probe.py", {"probe": HERE / "probe.py"}, sdk, max_bytes=MAX_BYTES)
    with LocalCloudflare(pieces, bundle, variables={"PLACE": "first"}, max_retries=1) as local:
        yield local
