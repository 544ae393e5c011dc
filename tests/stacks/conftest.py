"""Fixtures for the stacks: the real Pulumi engine, a Docker engine, and local images instead of a registry's."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.naming import CloudflareNames
from processor.adapters.container.migrate import migrate
from schemas.migrations import PERMANENT
from tests.support.cloudflare.account import CloudflareAccount
from tests.support.cloudflare.packages import Pieces
from tests.support.docker.engine import DockerEngine, DockerMissing, shared_engine
from tests.support.dovecot import Dovecot
from tests.support.fixtures import require
from tests.support.postgrest import SCHEMA, PostgRest
from tests.support.pulumi.engine import EngineMissing, Pulumi, build_engine
from tests.support.pulumi.project import copy_project
from tests.support.pulumi.selfhost import SelfHost, Service, mailbox, mine_embedded
from tests.support.pulumi.staging import build_fetcher
from tests.support.sections import add_line
from tests.support.servers import Postgres

CLOUDFLARE = [CloudflareNames(environment) for environment in ("staging", "prod")]
LAST_TIMES = "stacks/seconds"
"""The key in pytest's cache of the times of the last run in this checkout."""
SECTION = "stacks: seconds, and as a multiple of the last run"
Note = Callable[[str, float], None]


@pytest.fixture(scope="session")
def note(pytestconfig: pytest.Config) -> Note:
    """Return what prints at the end of the run how many seconds something took, and compares with the last run."""
    cache = pytestconfig.cache
    assert cache is not None

    def add(what: str, seconds: float) -> None:
        before: dict[str, float] = cache.get(LAST_TIMES, {})
        multiple = f"{seconds / before[what]:6.2f}" if what in before else "     -"
        add_line(pytestconfig, SECTION, f"{seconds:6.1f} {multiple}  {what}")
        cache.set(LAST_TIMES, {**before, what: seconds})

    return add


@pytest.fixture(scope="session")
def pulumi_engine() -> None:
    """Build the pulumi command, if that was not done before."""
    try:
        build_engine()
    except EngineMissing as missing:
        require(False, str(missing))


@pytest.fixture(scope="session")
def docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerEngine]:
    """Yield the tests' own Docker engine, which all processes of this run share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    with ExitStack() as opened:
        try:
            engine = opened.enter_context(shared_engine(folder))
        except DockerMissing as missing:
            require(False, str(missing))
        yield engine


@pytest.fixture(scope="session")
def images(docker_engine: DockerEngine) -> dict[str, str]:
    """Return the images that would come from a registry, by their settings."""
    return docker_engine.build_images()


@pytest.fixture(scope="session")
def expected(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return the exports of the sample mailbox, mined with the embedded servers, by format."""
    with mailbox("127.0.0.1", dovecot.port) as source:
        return mine_embedded(tmp_path_factory.mktemp("embedded"), source)


@pytest.fixture(scope="session")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    docker_engine: DockerEngine,
    images: dict[str, str],
    pulumi_engine: None,
    note: Note,
) -> SelfHost:
    """Return a deployed stack on one server; each test leaves it healthy and uses its own users."""
    stack = SelfHost(tmp_path_factory.mktemp("selfhost"), docker_engine, images, prefix="lm-server")
    note("selfhost: up, images built on the way", stack.up())
    return stack


@pytest.fixture(scope="session")
def service(stack: SelfHost) -> Iterator[Service]:
    """Yield a client for the stack's fetcher."""
    outputs = stack.outputs()
    service = Service(outputs["url"], outputs["token"])
    yield service
    service.close()


@pytest.fixture(scope="session")
def source(stack: SelfHost, dovecot: Dovecot) -> Iterator[str]:
    """Yield the sample mailbox's address, valid from here and from the stack's containers."""
    with mailbox(stack.gateway, dovecot.port) as source:
        yield source


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a copy of the checkout in which to run commands."""
    project = copy_project(tmp_path / "checkout")
    (project / ".venv").symlink_to(Path(sys.executable).parents[1])
    return project


@pytest.fixture
def variables(tmp_path: Path, checkout: Path, pulumi_engine: None) -> dict[str, str]:
    """Return the environment of a new Pulumi user: an empty home and the pulumi command."""
    home = tmp_path / "home"
    home.mkdir()
    own = Pulumi(tmp_path / "pulumi", checkout).environment
    told = {"PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE"}
    return {name: value for name, value in own.items() if name not in told} | {"HOME": str(home)}


@pytest.fixture(scope="module")
def account(pieces: Pieces, docker_engine: DockerEngine) -> Iterator[CloudflareAccount]:
    """Yield an account, empty at first; at the end, its networks are removed from the Docker engine."""
    with CloudflareAccount(pieces, *(names.worker for names in CLOUDFLARE)) as account:
        yield account
    for names in CLOUDFLARE:
        docker_engine.remove_network(names.fetcher)


@pytest.fixture(scope="module")
def permanent(postgres: Postgres) -> str:
    """Return the permanent database behind the stand-in for Supabase, with all migrations."""
    database = postgres.fresh_database()
    asyncio.run(migrate(database, PERMANENT, schema=SCHEMA))
    return database


@pytest.fixture(scope="module")
def supabase(permanent: str) -> Iterator[str]:
    """Yield the URL of the stand-in for Supabase."""
    with PostgRest(permanent) as rest:
        yield rest.url


@pytest.fixture(scope="module")
def fetcher(docker_engine: DockerEngine, account: CloudflareAccount, images: dict[str, str]) -> str:
    """Return the checkout's image of the fetcher, which trusts the account's certificate."""
    return build_fetcher(docker_engine, account, images["imagePython"])
