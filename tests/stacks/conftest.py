"""What the stacks need: the real Pulumi engine, a Docker engine, and the images that stand in for a registry's."""

from collections.abc import Iterator

import pytest

from tests.support.docker.engine import DockerEngine, DockerMissing
from tests.support.fixtures import require
from tests.support.pulumi.engine import EngineMissing, build_engine


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
