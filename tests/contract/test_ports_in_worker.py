"""The contract of the processor's ports on the Worker's adapters, inside the real workerd."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from infra.bundle import MAX_BYTES, bundle_modules
from processor.adapters.container.migrate import migrate
from schemas.migrations import PERMANENT
from tests.contract import contact_store, job_queue, mining_store, raw_store
from tests.support.cloudflare.local import LocalCloudflare
from tests.support.cloudflare.packages import Pieces
from tests.support.postgrest import Fault, PostgRest
from tests.support.servers import Postgres

CHECKOUT = Path(__file__).parents[2]
CHECK_SECONDS = 60.0
HANG_UP_SECONDS = 10.0


@pytest.fixture(scope="module")
def rest(postgres: Postgres) -> PostgRest:
    """Return a stand-in for Supabase on a database with the permanent tables. It is not running yet."""
    database = postgres.fresh_database()
    asyncio.run(migrate(database, PERMANENT, schema="leadminer"))
    return PostgRest(database)


@pytest.fixture(scope="module")
def worker(pieces: Pieces, sdk: Path, rest: PostgRest) -> Iterator[LocalCloudflare]:
    """Yield a local Cloudflare with the Worker that runs the checks, and with its tables created."""
    roots = {
        "contract_worker": CHECKOUT / "tests" / "contract" / "contract_worker.py",
        "tests": CHECKOUT / "tests",
        "processor": CHECKOUT / "services" / "processor",
        "schemas": CHECKOUT / "schemas",
    }
    bundle = bundle_modules("contract_worker.py", roots, sdk, max_bytes=MAX_BYTES)
    with rest:
        variables = {"SUPABASE_URL": rest.url, "SUPABASE_SERVICE_KEY": rest.key}
        with LocalCloudflare(pieces, bundle, variables=variables) as local:
            for path in sorted((CHECKOUT / "schemas" / "mining" / "d1").glob("*.sql")):
                local.query(path.read_text())
            local.query("CREATE TABLE received (body TEXT NOT NULL)")
            yield local


def checks(port: ModuleType) -> list[Any]:
    """Return a port's checks as pytest parameters with readable ids."""
    found: tuple[Callable[[Any], Awaitable[None]], ...] = port.CHECKS
    name = port.__name__.rpartition(".")[2]
    return [pytest.param(f"{name}/{check.__name__}", id=check.__name__.removeprefix("check_")) for check in found]


@pytest.mark.parametrize(
    "check", [check for port in (raw_store, job_queue, mining_store, contact_store) for check in checks(port)]
)
def test_the_contract_holds_in_the_worker(worker: LocalCloudflare, check: str) -> None:
    """R2, Queues, D1 and Supabase keep the ports' promises in the same runtime as production."""
    answer = httpx.get(f"{worker.processor}/{check}", timeout=CHECK_SECONDS)

    assert (answer.status_code, answer.text) == (200, "kept")


def test_a_broken_promise_is_seen_in_the_worker(worker: LocalCloudflare) -> None:
    """A failing check in the Worker fails the test, so assertions are on in that runtime."""
    answer = httpx.get(f"{worker.processor}/mining_store/fail", timeout=CHECK_SECONDS)

    assert answer.status_code == 500
    assert "AssertionError" in answer.text


def test_a_silent_supabase_is_given_up_with_its_connection(worker: LocalCloudflare, rest: PostgRest) -> None:
    """A silent call ends after its timeout and frees its connection, of which an invocation has only six."""
    rest.fail(Fault(seconds=CHECK_SECONDS, times=8))
    began = time.monotonic()

    answers = [httpx.get(f"{worker.processor}/contact_store/silence", timeout=CHECK_SECONDS).text for _ in range(8)]
    seconds = time.monotonic() - began
    until = time.monotonic() + HANG_UP_SECONDS
    while rest.kept_waiting["now"] and time.monotonic() < until:
        time.sleep(0.05)

    rest.fail()
    assert answers == ["kept"] * 8
    assert seconds < CHECK_SECONDS
    assert rest.kept_waiting["hung up"] > 0 == rest.kept_waiting["now"]
