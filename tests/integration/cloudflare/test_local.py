"""The local Cloudflare runs a real Worker, queues, D1 and R2, and its gate is as strict as Cloudflare's API."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.cloudflare.local import LocalCloudflare, Message

WAIT_SECONDS = 20.0


@pytest.fixture
def local(probe: LocalCloudflare) -> Iterator[LocalCloudflare]:
    """Yield the local Cloudflare, empty."""
    probe.query("DROP TABLE IF EXISTS got")
    probe.remove_objects(probe.objects())
    yield probe
    probe.set_faults()


def push(local: LocalCloudflare, body: object, *, batch: bool = False, **headers: str) -> httpx.Response:
    account = local.account
    url = f"{local.gate}/client/v4/accounts/{account.account}/queues/{account.queue}/messages"
    given = {"authorization": f"Bearer {account.token}"} | headers
    return httpx.post(f"{url}/batch" if batch else url, json=body, headers=given)


def query(local: LocalCloudflare, **fields: object) -> httpx.Response:
    account = local.account
    url = f"{local.gate}/client/v4/accounts/{account.account}/d1/database/{account.database}/query"
    return httpx.post(url, json=fields, headers={"authorization": f"Bearer {account.token}"})


def wait_for(local: LocalCloudflare, count: int) -> list[tuple[str, str, int]]:
    """Wait until the Worker has received `count` messages, and return them."""
    rows: list[dict[str, Any]] = []
    until = time.monotonic() + WAIT_SECONDS
    while len(rows) < count and time.monotonic() < until:
        time.sleep(0.05)
        if local.query("SELECT 1 FROM sqlite_schema WHERE name = 'got'"):
            rows = local.query("SELECT queue, body, attempts FROM got ORDER BY rowid")
    return [(row["queue"], row["body"], row["attempts"]) for row in rows]


def test_pushed_messages_reach_the_worker(local: LocalCloudflare) -> None:
    """A single message and a batch go through the real queue to the handler."""
    one = push(local, {"body": "one", "content_type": "text"})
    many = push(local, {"messages": [{"body": "two"}, {"body": "three"}]}, batch=True)

    got = wait_for(local, 3)

    assert (one.status_code, many.status_code) == (200, 200)
    assert sorted(got) == [("mining-queue-test", body, 1) for body in ("one", "three", "two")]


def test_what_fails_too_often_goes_to_the_dead_letter_queue(local: LocalCloudflare) -> None:
    """A message that exceeds its retries arrives at the dead-letter queue's consumer."""
    push(local, {"body": "retry", "content_type": "text"})

    got = wait_for(local, 4)

    queues = ["mining-queue-test"] * 2 + ["mining-queue-test-dead"] * 2
    assert got == [(queue, "retry", attempt) for queue, attempt in zip(queues, [1, 2, 1, 2], strict=True)]


@pytest.mark.parametrize(
    ("body", "batch", "status"),
    [
        ({"messages": [{"body": "x"}] * 101}, True, 400),
        ({"messages": []}, True, 400),
        ({"body": "x" * 127_901, "content_type": "text"}, False, 413),
        ({"messages": [{"body": "x" * 100_000}] * 3}, True, 413),
        ({"body": "x", "content_type": "text", "delay_seconds": 86_401}, False, 400),
    ],
)
def test_what_a_queue_does_not_take_is_refused(local: LocalCloudflare, body: object, batch: bool, status: int) -> None:
    """The published limits of Queues apply here too."""
    answer = push(local, body, batch=batch)

    assert answer.status_code == status
    assert not answer.json()["success"]


def test_the_api_wants_its_token(local: LocalCloudflare) -> None:
    """A request with a wrong token gets 403."""
    answer = push(local, {"body": "x"}, authorization="Bearer another")

    assert answer.status_code == 403


def test_d1_runs_statements_and_refuses_what_is_wrong(local: LocalCloudflare) -> None:
    """A file of several statements runs, and a batch is atomic."""
    file = "CREATE TABLE got (queue, body, attempts);\n-- a comment; and\nINSERT INTO got VALUES (1, 2, 3);"
    right = {"sql": "INSERT INTO got VALUES (?1, 2, 3)", "params": [9]}

    made = query(local, sql=file)
    failed = query(local, batch=[right, {"sql": "INSERT INTO none VALUES (1)"}])

    assert made.status_code == 200, made.text
    assert failed.status_code == 400
    assert local.query("SELECT queue FROM got") == [{"queue": 1}]


def test_d1_returns_no_more_than_its_result(local: LocalCloudflare) -> None:
    """Rows of more than 50 MB are refused, each of which D1 would return."""
    row = "SELECT hex(zeroblob(995000)) AS a"
    text = f"WITH RECURSIVE c(n) AS (VALUES(1) UNION ALL SELECT n + 1 FROM c WHERE n < {{}}) {row} FROM c"

    fits, too_large = query(local, sql=text.format(2)), query(local, sql=text.format(26))

    assert (fits.status_code, too_large.status_code) == (200, 400)
    assert too_large.json()["errors"][0]["message"] == "the result is too large"


def test_the_gate_fails_as_often_as_told(local: LocalCloudflare) -> None:
    """The gate answers with a fault's status and headers as often as the fault says."""
    local.set_faults({"path": "/messages", "times": 1, "status": 429, "headers": {"retry-after": "1"}})

    answers = [push(local, {"body": "ack", "content_type": "text"}) for _ in range(2)]

    assert wait_for(local, 1) == [("mining-queue-test", "ack", 1)]
    assert [answer.status_code for answer in answers] == [429, 200]
    assert answers[0].headers["retry-after"] == "1"


def test_batches_are_delivered_directly_and_verdicts_come_back(local: LocalCloudflare) -> None:
    """Each batch has its own verdicts, and a failed handler shows in its batch's outcome."""
    batches = [[Message("ack", id="a"), Message("retry", id="b", attempts=3)], [Message("fail", id="c")]]

    first, second = local.deliver(*batches)

    assert first["explicitAcks"] == ["a"]
    assert [retried["msgId"] for retried in first["retryMessages"]] == ["b"]
    assert (first["outcome"], second["outcome"]) == ("ok", "exception")
    assert ("mining-queue-test", "retry", 3) in wait_for(local, 3)


def test_the_cron_handler_runs(local: LocalCloudflare) -> None:
    """The Worker's cron handler is called with the cron expression."""
    local.run_scheduled("*/5 * * * *")

    assert wait_for(local, 1) == [("cron", "*/5 * * * *", 0)]


def test_a_redeployed_worker_finds_its_data(local: LocalCloudflare) -> None:
    """A redeployed Worker has its new settings and the same tables."""
    local.run_scheduled()

    local.redeploy(variables={"PLACE": "second"})

    assert httpx.get(local.processor).text == "second GET"
    assert len(wait_for(local, 1)) == 1
