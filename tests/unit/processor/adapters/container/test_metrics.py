"""What a processor tells Prometheus is what it did, and who may ask is the operator."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from processor.adapters.container.metrics import MeasuredContactStore, Metrics, backup_age
from processor.adapters.container.redis import RedisJobQueue, open_redis
from processor.api.http import serve_api
from schemas.jobs import Job, JobKind
from schemas.ledger import Ledger
from schemas.migrations import MINING_POSTGRES
from schemas.tokens import TokenScope, make_token
from tests.support.stack import TOKEN, Folder, Stack, mail

NOON = 1_796_126_400.0
"""2026-12-01T12:00:00Z."""
TABLES = MINING_POSTGRES / "0001_minings.sql"
FOLDER = Folder([[mail(1), mail(2)], [mail(3)]])


async def scraped(stack: Stack) -> dict[tuple[str, ...], float]:
    """Return each value by its metric's name and the values of its labels."""
    text = (await stack.exposition.render()).decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, *sample.labels.values()): sample.value for sample in samples}


async def test_messages_and_minings_are_counted(stack: Stack) -> None:
    """After a mining, the counters hold its ledger, and nothing is unfinished or queued."""
    before = await scraped(stack)
    begun = await stack.mine(FOLDER)
    after = await scraped(stack)

    ledger = (await stack.report(begun))["ledger"]
    assert after["leadminer_messages_total", "processed"] == ledger["processed"] > 0
    assert (before["leadminer_minings_ended_total", "finished"], before["leadminer_minings_ended_total", "failed"]) == (
        0,
        0,
    )
    assert after["leadminer_minings_ended_total", "finished"] == 1
    assert after["leadminer_ledger_imbalances_total",] == 0
    assert after["leadminer_batch_seconds_count",] > before["leadminer_batch_seconds_count",]
    assert after["leadminer_minings", "fetching"] == after["leadminer_queue_jobs",] == 0


async def test_every_state_is_shown(stack: Stack) -> None:
    """The gauge of minings has each state of an unfinished mining, also those that none is in."""
    found = await scraped(stack)

    allowed = re.search(r"CHECK \(state IN \((.*)\)\)", TABLES.read_text("utf-8"))
    assert allowed is not None
    assert {name[1] for name in found if name[0] == "leadminer_minings"} == set(re.findall(r"\w+", allowed[1])) - {
        "erased"
    }


class Answering:
    """The permanent side, which answers with a state."""

    def __init__(self, states: Mapping[str, str]) -> None:
        self._states = states

    async def call(self, function: str, **arguments: object) -> object:
        """Return the function's state."""
        return {"state": self._states.get(function)}


@pytest.mark.parametrize(
    ("function", "state"), [("finish_mining", "erased"), ("finish_mining", "unknown"), ("fail_mining", "finished")]
)
async def test_what_had_ended_otherwise_is_not_counted(function: str, state: str) -> None:
    """A mining that was erased meanwhile, or had finished before its teardown was given up, ends no second time."""
    metrics = Metrics()

    await MeasuredContactStore(Answering({function: state}), metrics).call(
        function, mining="1", ledger=Ledger(listed=1).to_json(), receipt={}
    )

    read = metrics.registry.get_sample_value
    assert [read("leadminer_minings_ended_total", {"state": each}) for each in ("finished", "failed")] == [0, 0]
    assert read("leadminer_ledger_imbalances_total") == 0


async def test_a_ledger_that_does_not_balance_is_counted() -> None:
    """An imbalance is counted, whatever state the mining ends in, and reasons become one outcome each."""
    metrics = Metrics()
    store = MeasuredContactStore(Answering({"fail_mining": "failed", "finish_mining": "finished"}), metrics)
    lost = Ledger(listed=10, fetched=4, skipped={"vanished": 1, "cancelled": 2}, dead={"limit": 4})

    await store.call("fail_mining", mining="1", ledger=lost.to_json(), receipt={})
    await store.call("finish_mining", mining="2", ledger=Ledger().to_json(), receipt={})
    await store.call("contacts_total", user_id="jo", source_name=None)

    read = metrics.registry.get_sample_value
    assert read("leadminer_ledger_imbalances_total") == 1
    assert read("leadminer_minings_ended_total", {"state": "failed"}) == 1
    assert read("leadminer_messages_total", {"outcome": "skipped"}) == 3
    assert read("leadminer_messages_total", {"outcome": "dead"}) == 4


async def test_what_waits_is_measured_when_asked(stack: Stack) -> None:
    """Minings, jobs, the age of the oldest job and the dead letters are those of the moment."""
    begun = await stack.begin()
    await stack.queue.send([Job(JobKind.TEARDOWN, begun.id)] * 3)
    await stack.queue.bury("a job", reason="limit")
    await asyncio.sleep(0.05)

    found = await scraped(stack)

    assert found["leadminer_minings", "fetching"] == 1
    assert (found["leadminer_queue_jobs",], found["leadminer_dead_letters",]) == (3, 1)
    assert 0.05 <= found["leadminer_queue_oldest_seconds",] < 30
    assert found["leadminer_up", "queue"] == found["leadminer_up", "database"] == 1


async def test_no_metric_names_a_user(stack: Stack) -> None:
    """Neither users nor addresses nor sources are in what is told."""
    await stack.mine(FOLDER, user="a-user-of-its-own")

    text = (await stack.exposition.render()).decode()

    assert [word for word in ("a-user-of-its-own", "@", "acme", "imap.example.org") if word in text] == []


async def test_a_part_that_is_away_is_told(stack: Stack) -> None:
    """If the queue does not answer, the metrics still do, and say so."""
    async with open_redis("redis://127.0.0.1:1") as away:
        stack.exposition._queue = RedisJobQueue(away, consumer="one", claim_seconds=1)
        found = await scraped(stack)

    assert (found["leadminer_up", "queue"], found["leadminer_up", "database"]) == (0, 1)


@pytest.mark.parametrize(
    ("names", "hours"),
    [
        (["2026-12-01T02-00-00Z", "2026-11-30T02-00-00Z"], 10),
        (["2026-12-01T02-00-00Z", "2026-12-02T02-00-00Z"], 10),
        (["2026-12-01T02-00-00Z.part", ".lock", "2026-99-01T02-00-00Z"], float("inf")),
        ([], float("inf")),
    ],
)
def test_the_age_of_the_newest_dump(tmp_path: Path, names: list[str], hours: float) -> None:
    """The newest complete dump counts, by its name; one from the future is a wrong clock."""
    for name in names:
        (tmp_path / name).mkdir()

    assert backup_age(tmp_path, now=NOON) == hours * 3600


@pytest.fixture
async def client(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the API with its metrics."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        server = serve_api(stack.api, listen=f"fd:{listening.detach()}", metrics=stack.exposition.render)
    task = asyncio.create_task(server.serve())
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    server.should_exit = True
    await task


async def test_metrics_are_for_the_operator(client: httpx.AsyncClient) -> None:
    """A caller on this machine gets them, and so does the service's token; what a proxy brings needs the token."""
    proxied = {"X-Forwarded-For": "203.0.113.9"}
    user = make_token(TOKEN, "jo", TokenScope, 2**33)

    here = await client.get("/metrics")
    others = [
        await client.get("/metrics", headers=proxied | {"Authorization": f"Bearer {token}"})
        for token in (TOKEN, user, "wrong", f"{TOKEN}x")
    ]
    posted = await client.post("/metrics")

    assert (here.status_code, "leadminer_up" in here.text) == (200, True)
    assert here.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert [answer.status_code for answer in others] == [200, 401, 401, 401]
    assert posted.status_code == 401
