"""The exact bundle that is deployed, in the real workerd, before anything around it is set up."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.bundle import bundle_worker
from tests.support.cloudflare.deployment import CHECKOUT, TOKEN
from tests.support.cloudflare.local import LocalCloudflare, Message
from tests.support.cloudflare.packages import Pieces

SETTINGS = {"SUPABASE_URL": "http://127.0.0.1:9", "SUPABASE_SERVICE_KEY": "a-key", "PROCESSOR_TOKEN": TOKEN}


@pytest.fixture(scope="module")
def deployed(pieces: Pieces, sdk: Path) -> Iterator[LocalCloudflare]:
    """Yield the Worker with an empty D1 and without Supabase."""
    with LocalCloudflare(pieces, bundle_worker(CHECKOUT, sdk), variables=SETTINGS) as local:
        yield local


def test_it_starts_and_says_what_is_missing(deployed: LocalCloudflare) -> None:
    """`/health` answers at once, and `/ready` with 503 until D1 has its tables; that needs the token."""
    health = httpx.get(f"{deployed.processor}/health")
    ready = httpx.get(f"{deployed.processor}/ready", headers={"authorization": f"Bearer {TOKEN}"})
    closed = httpx.get(f"{deployed.processor}/ready")

    assert (health.status_code, health.json()["status"]) == (200, "ok")
    assert (ready.status_code, ready.json()["code"]) == (503, "unavailable")
    assert (closed.status_code, closed.json()["code"]) == (401, "token")


def test_it_accepts_the_previous_token_if_there_is_one(deployed: LocalCloudflare) -> None:
    """The previous secret opens the Worker while a binding names it, and no longer."""
    headers = {"authorization": "Bearer a-previous-token"}
    before = httpx.get(f"{deployed.processor}/ready", headers=headers).status_code

    deployed.redeploy(variables={**SETTINGS, "PROCESSOR_TOKEN_PREVIOUS": "a-previous-token"})
    during = httpx.get(f"{deployed.processor}/ready", headers=headers).status_code
    deployed.redeploy(variables=SETTINGS)

    assert (before, during) == (401, 503)


@pytest.mark.parametrize("route", ["test/reset", "test/faults", "test/meters"])
def test_it_has_no_route_of_the_tests(deployed: LocalCloudflare, route: str) -> None:
    """A route of the tests' own Worker gets 401 here, and 404 with the token."""
    headers = {"authorization": f"Bearer {TOKEN}"}

    assert httpx.get(f"{deployed.processor}/{route}").status_code == 401
    assert httpx.get(f"{deployed.processor}/{route}", headers=headers).status_code == 404


def test_jobs_wait_for_tables(deployed: LocalCloudflare) -> None:
    """A job that arrives before D1's migrations is retried, and nothing is dead."""
    job = '{"v":1,"kind":"teardown","mining":"00000000-0000-4000-8000-000000000000"}'

    [verdict] = deployed.deliver([Message(job)])

    assert [retried["msgId"] for retried in verdict["retryMessages"]] == ["1"]
