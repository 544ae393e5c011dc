"""Both modes side by side: local servers with the container's processor, and the Worker in workerd."""

from collections.abc import Callable, Iterator

import pytest

from fetcher.embedded.child import EmbeddedError
from tests.parity.matrix import HEAD, Row
from tests.support.cloudflare.deployment import Deployment
from tests.support.dovecot import Dovecot
from tests.support.fixtures import require
from tests.support.house import House
from tests.support.mode import CloudflareMode
from tests.support.sections import add_line


@pytest.fixture(scope="session")
def matrix(pytestconfig: pytest.Config) -> Callable[[Row], None]:
    """Return what adds a row to the matrix, which is printed at the end of the run."""
    add_line(pytestconfig, "parity", HEAD)
    return lambda row: add_line(pytestconfig, "parity", str(row))


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    """Yield an IMAP server."""
    with Dovecot() as server:
        yield server


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Yield the mode `postgresql`: its processes, and the command line configured to use them."""
    try:
        stack = House(processors=1)
    except EmbeddedError as error:
        require(False, f"no servers: {error}")
    with stack:
        yield stack


@pytest.fixture(scope="module")
def cloudflare(shared_deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudflareMode]:
    """Yield the mode `cloudflare`: the command line configured to use the Worker, its queue and its bucket."""
    with CloudflareMode(shared_deployment, tmp_path_factory.mktemp("home")) as mode:
        yield mode
