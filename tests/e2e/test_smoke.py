"""The smoke mining of a deployment mines the demo mailbox, checks the ledger, and leaves nothing behind."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from demo.smoke import SmokeFailed, check
from tests.support.cloudflare.deployment import TOKEN, Deployment
from tests.support.place import OURS
from tests.support.tokens import user_token

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def settings(deployment: Deployment) -> dict[str, str]:
    """Return the settings with which the smoke mining reaches the deployment."""
    return deployment.fetcher_settings


def start(settings: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start the smoke mining as the pipeline does."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.Popen(
        [sys.executable, "-m", "demo.smoke"],
        cwd=CHECKOUT,
        env={**bare, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def smoke(settings: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the smoke mining and wait for it to end."""
    with start(settings) as process:
        out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def left(deployment: Deployment) -> dict[str, int]:
    """Return counts of what the deployment still holds of the user."""
    contacts = len(deployment.contacts("smoke"))
    kept = {table: deployment.rows(table) for table in ("minings", "messages", "watermarks", "points", "persons")}
    return {**kept, "contacts": contacts, "objects": len(deployment.local.objects())}


def test_a_good_deployment_passes_and_is_left_as_it_was(deployment: Deployment, settings: dict[str, str]) -> None:
    """It passes twice in a row: the first run leaves no counted messages or anything else behind."""
    before = left(deployment)

    done, again = smoke(settings), smoke(settings)

    assert (done.returncode, again.returncode) == (0, 0), done.stdout + done.stderr + again.stderr
    assert "Listed 3,936 messages, found 394 contacts; the ledger balances." in done.stdout
    assert "Listed 3,936 messages" in again.stdout
    assert left(deployment) == before


def test_a_fetcher_that_cannot_store_fails_and_is_erased(deployment: Deployment, settings: dict[str, str]) -> None:
    """The reason is shown, and nothing of the user is left."""
    before = left(deployment)

    done = smoke({**settings, "CLOUDFLARE_R2_SECRET_ACCESS_KEY": "not the secret"})

    assert done.returncode == 1
    assert "The smoke mining failed: leadminer mine ended with" in done.stderr
    assert "CLOUDFLARE_R2_SECRET_ACCESS_KEY" in done.stderr.replace("\n", " ")
    assert left(deployment) == before


def test_one_that_is_ended_erases_too(deployment: Deployment, settings: dict[str, str]) -> None:
    """A workflow that is cancelled in the middle of a mining leaves nothing behind."""
    before = left(deployment)
    with start(settings) as process:
        while deployment.rows("minings") == before["minings"]:
            assert process.poll() is None
            time.sleep(0.05)

        process.terminate()
        _, err = process.communicate(timeout=120)

    assert process.returncode == 130
    assert err.endswith("The smoke mining was stopped. Everything it left behind has been erased.\n")
    assert left(deployment) == before


def test_the_user_is_smoke(settings: dict[str, str]) -> None:
    """A token for that user alone is enough."""
    done = smoke({**settings, "PROCESSOR_TOKEN": user_token(TOKEN, "smoke")})

    assert done.returncode == 0, done.stdout + done.stderr


GOOD = {"listed": 10, "fetched": 10, "processed": 10, "contacts": {"contact": 3}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"state": "refining"}, "the mining is refining"),
        ({"balanced": False, "imbalance": ["listed is 1, not 2"]}, "listed is 1, not 2"),
        ({"ledger": {**GOOD, "dead": {"limit": 1}}}, "some messages were not read"),
        ({"ledger": {**GOOD, "skipped": {"cancelled": 1}}}, "some messages were not read"),
        ({"ledger": {**GOOD, "contacts": {}}}, "found no contacts"),
        ({"ledger": {**GOOD, "listed": 0}}, "listed 0 messages"),
    ],
)
def test_a_report_that_is_not_good_is_no_success(change: dict[str, object], said: str) -> None:
    """A smoke mining fails unless it finished, balances, read everything and found contacts."""
    report = {"state": "finished", "balanced": True, "imbalance": [], "ledger": GOOD, **change}

    with pytest.raises(SmokeFailed, match=said):
        check(report)
    check({**report, "state": "finished", "balanced": True, "ledger": GOOD})
