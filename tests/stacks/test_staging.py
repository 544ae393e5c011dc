"""`pulumi up --stack staging` into an account on this machine: what is declared is what runs, and it mines."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from processor.adapters.container.migrate import migrate
from schemas.ledger import Ledger
from schemas.migrations import PERMANENT
from tests.e2e.mailboxes import fill, whole_mailbox
from tests.stacks.conftest import Note
from tests.support.cloudflare.account import CloudflareAccount
from tests.support.cloudflare.packages import Pieces
from tests.support.docker.engine import DockerEngine
from tests.support.dovecot import Dovecot
from tests.support.postgrest import SCHEMA, PostgRest
from tests.support.pulumi.selfhost import Service, mailbox, mine_embedded
from tests.support.pulumi.staging import NAMES, Staging, build_fetcher
from tests.support.servers import Postgres


@pytest.fixture(scope="module")
def account(pieces: Pieces) -> Iterator[CloudflareAccount]:
    """Yield an account, empty at first."""
    with CloudflareAccount(pieces, worker=NAMES.worker) as account:
        yield account


@pytest.fixture(scope="module")
def supabase(postgres: Postgres) -> Iterator[str]:
    """Yield where the permanent functions are."""
    database = postgres.fresh_database()
    asyncio.run(migrate(database, PERMANENT, schema=SCHEMA))
    with PostgRest(database) as rest:
        yield rest.url


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    docker_engine: DockerEngine,
    images: dict[str, str],
    account: CloudflareAccount,
    supabase: str,
    pulumi_engine: None,
    sdk: Path,
    note: Note,
) -> Staging:
    """Return a stack that is up; each test leaves it as declared."""
    fetcher = build_fetcher(docker_engine, account, images["imagePython"])
    settings = {"supabaseUrl": supabase, "imageFetcher": fetcher}
    stack = Staging(tmp_path_factory.mktemp("staging"), account, docker_engine, settings)
    note("staging: up, from a finished image", stack.up())
    return stack


@pytest.fixture
def service(stack: Staging) -> Iterator[Service]:
    """Yield the fetcher's service of the stack, to which the account is the world."""
    outputs = stack.outputs()
    service = Service(outputs["url"], outputs["token"])
    with stack.world():
        yield service
    service.close()


@pytest.fixture(scope="module")
def dovecot() -> Iterator[Dovecot]:
    """Yield a server with the sample mailbox."""
    with Dovecot() as server:
        fill(server, whole_mailbox())
        yield server


@pytest.fixture
def source(stack: Staging, dovecot: Dovecot) -> Iterator[str]:
    """Yield where the mailbox is read, from here and from the fetcher."""
    with mailbox(stack.gateway, dovecot.port) as source:
        yield source


@pytest.fixture(scope="module")
def expected(dovecot: Dovecot, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what the same mailbox gives embedded, in each format."""
    with mailbox("127.0.0.1", dovecot.port) as source:
        return mine_embedded(tmp_path_factory.mktemp("embedded"), source)


def test_the_same_mailbox_gives_the_same_contacts(
    stack: Staging, service: Service, source: str, expected: dict[str, bytes]
) -> None:
    """Mined through the deployed fetcher and Worker, the ledger balances, and exports are the embedded run's."""
    report = service.mine("ann", source)

    ledger = Ledger.from_json(report["ledger"])
    assert report["balanced"]
    assert ledger.imbalance() == []
    assert ledger.listed == ledger.fetched > 1000
    assert service.exports("ann") == expected
    assert stack.account.objects(NAMES.bucket) == []
