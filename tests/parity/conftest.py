"""Both modes side by side: local servers with the container's processor, and the Worker in workerd."""

from collections.abc import Iterator

import pytest

from fetcher.embedded.child import EmbeddedError
from tests.e2e.house import House
from tests.parity.matrix import HEAD, Row
from tests.support.cloudflare.deployment import Deployment
from tests.support.dovecot import Dovecot
from tests.support.fixtures import require
from tests.support.mode import CloudflareMode

MATRIX = pytest.StashKey[list[Row]]()


@pytest.fixture
def matrix(pytestconfig: pytest.Config) -> list[Row]:
    """Return the matrix to add rows to; it is printed at the end of the run."""
    return pytestconfig.stash.setdefault(MATRIX, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the matrix."""
    rows = config.stash.get(MATRIX, [])
    if not rows:
        return
    terminalreporter.section("parity")
    terminalreporter.write_line(HEAD)
    for row in sorted(rows, key=lambda each: each.mailbox):
        terminalreporter.write_line(str(row))


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
