"""`pulumi up --stack staging` with an account on this machine: the declared stack runs and mines."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.ledger import Ledger
from tests.stacks.conftest import Note
from tests.support.cloudflare.account import CloudflareAccount
from tests.support.docker.engine import DockerEngine
from tests.support.dovecot import Dovecot
from tests.support.forwarder import Forwarder
from tests.support.house import wait_until
from tests.support.pulumi.selfhost import Service, mailbox, source_at
from tests.support.pulumi.staging import NAMES, Staging

IDLE_SECONDS = 5.0
"""Long enough for a consumer, if there were one, to process the sample mailbox."""
KINDS = {
    "buckets": 1,
    "consumers": 2,
    "crons": 1,
    "databases": 1,
    "lifecycles": 1,
    "queues": 2,
    "scripts": 1,
    "subdomains": 1,
}
"""The number of resources of each kind."""


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory,
    docker_engine: DockerEngine,
    account: CloudflareAccount,
    supabase: str,
    fetcher: str,
    pulumi_engine: None,
    sdk: Path,
    note: Note,
) -> Staging:
    """Return a deployed stack; each test leaves it as declared."""
    settings = {"supabaseUrl": supabase, "imageFetcher": fetcher}
    stack = Staging(tmp_path_factory.mktemp("staging"), account, docker_engine, settings)
    note("staging: up, from a finished image", stack.up())
    return stack


@pytest.fixture
def service(stack: Staging) -> Iterator[Service]:
    """Yield a client for the stack's fetcher, which reaches only the account."""
    outputs = stack.outputs()
    service = Service(outputs["url"], outputs["token"])
    with stack.world():
        yield service
    service.close()


@pytest.fixture
def source(stack: Staging, dovecot: Dovecot) -> Iterator[str]:
    """Yield the sample mailbox's address, valid from here and from the fetcher."""
    with mailbox(stack.gateway, dovecot.port) as source:
        yield source


@pytest.fixture
def slow(stack: Staging, dovecot: Dovecot) -> Iterator[Forwarder]:
    """Yield a slow connection to the mailbox."""
    with Forwarder(stack.gateway, dovecot.port) as forwarder:
        forwarder.delay_seconds = 0.2
        yield forwarder


def test_the_same_mailbox_gives_the_same_contacts(
    stack: Staging, service: Service, source: str, expected: dict[str, bytes]
) -> None:
    """Mined through the deployed stack, the ledger balances and the exports equal those of the embedded run."""
    report = service.mine("ann", source)

    ledger = Ledger.from_json(report["ledger"])
    assert report["balanced"]
    assert ledger.imbalance() == []
    assert ledger.listed == ledger.fetched > 1000
    assert service.exports("ann") == expected
    assert stack.account.objects(NAMES.bucket) == []
    [fetcher] = stack.fetchers()
    assert fetcher.exec_run(["leadminer", "report", "--user", "ann"]).exit_code == 0


def test_nothing_is_left_to_change(stack: Staging, note: Note) -> None:
    """Another `up` changes nothing, and does not deploy the Worker again."""
    before = stack.account.deployments()

    note("staging: preview, nothing to change", stack.expect_no_changes())
    note("staging: up, nothing to change", stack.up())

    assert stack.account.deployments() == before


def test_what_runs_is_what_is_declared(
    stack: Staging, service: Service, source: str, expected: dict[str, bytes]
) -> None:
    """The Worker has only the declared bindings and consumers.

    Without its database binding, it cannot begin a mining. Without its consumer, it processes nothing until
    the consumer is back.
    """
    declared = 'self._declare("jobs", queue.queue, script, jobs)'
    try:
        with stack.edited("infra/cloudflare/job_queue.py", declared, "script"):
            with stack.edited("infra/worker.py", '"CLOUDFLARE_D1_DATABASE"', '"CLOUDFLARE_D1_ELSEWHERE"'):
                stack.up("--skip-preview")
                refused = service.try_start("eve", source)
            stack.up("--skip-preview")
            mining = service.start("eve", source)
            wait_until(lambda: service.status("eve", mining)["state"] != "fetching", look_seconds=0.2)
            stack.sweep()
            time.sleep(IDLE_SECONDS)
            left = service.status("eve", mining)
    finally:
        stack.up("--skip-preview")

    assert refused.status_code == 503, refused.text
    assert '{"event":"request failed","error":"AttributeError"}' in stack.account.log
    assert left["segments"]["done"] == 0 < left["segments"]["sent"]
    stack.sweep()
    service.finish("eve", mining)
    assert service.exports("eve") == expected


def test_a_worker_is_replaced_in_mid_mining(
    stack: Staging, service: Service, slow: Forwarder, expected: dict[str, bytes], note: Note
) -> None:
    """The Worker's code is replaced during a mining, and every message is counted once."""
    mining = service.start("max", source_at(slow))
    wait_until(lambda: service.status("max", mining)["segments"]["done"] > 0, look_seconds=0.2)
    slow.delay_seconds = 5.0
    before = stack.account.resources("scripts")[NAMES.worker]["files"]
    with (stack.project / "services" / "processor" / "jobs" / "pipeline.py").open("a") as file:
        file.write("\n# another version\n")

    note("staging: up, the Worker's code changed", stack.up())

    half = service.status("max", mining)
    after = stack.account.resources("scripts")[NAMES.worker]["files"]
    slow.delay_seconds = 0.0
    wait_until(lambda: service.status("max", mining)["state"] != "fetching", look_seconds=0.2)
    stack.sweep()
    report = service.finish("max", mining)
    assert half["state"] == "fetching"
    assert [name for name in before if before[name] != after[name]] == ["processor/jobs/pipeline.py"]
    assert report["balanced"]
    assert Ledger.from_json(report["ledger"]).imbalance() == []
    assert service.exports("max") == expected
    stack.expect_no_changes()


def test_secrets_stay_where_they_are_needed(stack: Staging) -> None:
    """No secret is in plain text in the state, settings or logs, or in a container that does not need it."""
    secrets = stack.secrets()
    places = {
        "the state": stack.pulumi.state(),
        "the settings": (stack.project / "Pulumi.staging.yaml").read_text("utf-8"),
        "the Worker's log": stack.account.log,
    }
    [fetcher] = stack.fetchers()
    shown = json.loads(json.dumps(fetcher.attrs))
    environment = "\n".join(shown["Config"].pop("Env"))
    places |= {"the container": json.dumps(shown), "its log": fetcher.logs().decode()}

    found = [(place, name) for place, text in places.items() for name, secret in secrets.items() if secret in text]

    assert len(set(secrets.values())) == len(secrets) == 7
    assert found == []
    assert [name for name in ("token", "service key") if secrets[name] in environment] == []
    assert stack.account.credentials.token not in stack.pulumi.run("stack", "export", "--show-secrets", "-s", "staging")


def test_destroy_leaves_nothing(stack: Staging) -> None:
    """`destroy` leaves nothing in the account or on the Docker host, and `up` deploys everything again."""
    stack.destroy()

    assert {kind: len(stack.account.resources(kind)) for kind in KINDS} == dict.fromkeys(KINDS, 0)
    assert stack.fetchers() == []
    assert stack.engine.client.networks.list(names=[NAMES.fetcher]) == []
    stack.up("--skip-preview")
    assert {kind: len(stack.account.resources(kind)) for kind in KINDS} == KINDS
