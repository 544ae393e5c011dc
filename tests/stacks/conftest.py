"""What the stacks need: the real Pulumi engine, a Docker engine, and the images that stand in for a registry's."""

from collections.abc import Callable, Iterator

import pytest

from tests.support.docker.engine import DockerEngine, DockerMissing
from tests.support.fixtures import require
from tests.support.pulumi.engine import EngineMissing, build_engine

TIMES = pytest.StashKey[list[str]]()
Note = Callable[[str, float], None]


@pytest.fixture(scope="session")
def note(pytestconfig: pytest.Config) -> Note:
    """Return what keeps how many seconds something took; all are printed at the end of the run."""
    times = pytestconfig.stash.setdefault(TIMES, [])
    return lambda what, seconds: times.append(f"{seconds:6.1f} s  {what}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print how long the stacks took."""
    if times := config.stash.get(TIMES, []):
        terminalreporter.section("stacks")
        for line in times:
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def pulumi_engine() -> None:
    """Build the command `pulumi`, where that was not done before."""
    try:
        build_engine()
    except EngineMissing as missing:
        require(False, str(missing))


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[DockerEngine]:
    """Yield a Docker engine of the tests' own."""
    try:
        engine = DockerEngine()
        engine.__enter__()
    except DockerMissing as missing:
        require(False, str(missing))
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def images(docker_engine: DockerEngine) -> dict[str, str]:
    """Return the images that a registry would have, by the setting that names each."""
    return docker_engine.build_images()
