"""The client of Cloudflare's Queues API."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fetcher.adapters.queues import CloudflareQueue
from fetcher.ports import Denied, LimitExceeded, Trouble, Unavailable
from schemas.jobs import Job, JobKind

MINING = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
QUEUE_ID = "5a7c0000000000000000000000000001"


class Cloudflare:
    """An API that answers as the test specifies, and records the requests."""

    def __init__(self, answer: Callable[[httpx.Request, int], httpx.Response]) -> None:
        self.requests: list[httpx.Request] = []
        self.pauses: list[float] = []
        self._answer = answer

    def handle(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        return self._answer(request, len(self.requests))

    def queue(self, name: str = QUEUE_ID, **options: Any) -> CloudflareQueue:
        """Return the client under test."""
        transport = httpx.MockTransport(self.handle)
        return CloudflareQueue(
            account_id="acc", queue=name, api_token="secret", pause=self.pauses.append, transport=transport, **options
        )


def done(result: object = None) -> httpx.Response:
    """Return a successful answer."""
    return httpx.Response(200, json={"success": True, "result": result})


def jobs(count: int) -> list[Job]:
    """Return `count` jobs."""
    return [Job(JobKind.REFINE, MINING, chunk=number) for number in range(count)]


def test_jobs_are_pushed_by_hundreds_as_texts() -> None:
    """Each call carries at most 100 jobs, in order, with the token, to the queue's id."""
    cloudflare = Cloudflare(lambda request, number: done())

    cloudflare.queue().send(jobs(250))

    bodies = [json.loads(request.content)["messages"] for request in cloudflare.requests]
    assert [len(messages) for messages in bodies] == [100, 100, 50]
    assert [message["body"] for messages in bodies for message in messages] == [job.encode() for job in jobs(250)]
    assert {message["content_type"] for messages in bodies for message in messages} == {"text"}
    assert cloudflare.requests[0].url.path == f"/client/v4/accounts/acc/queues/{QUEUE_ID}/messages/batch"
    assert cloudflare.requests[0].headers["authorization"] == "Bearer secret"


def test_nothing_is_asked_for_no_jobs() -> None:
    """Sending no jobs makes no call."""
    cloudflare = Cloudflare(lambda request, number: done())

    cloudflare.queue("a-name").send([])

    assert cloudflare.requests == []


def test_a_name_is_looked_up_once() -> None:
    """A queue's id is looked up by its name in the account's list, page by page."""
    others = [{"queue_id": "0" * 32, "queue_name": f"other-{number}"} for number in range(100)]

    def answer(request: httpx.Request, number: int) -> httpx.Response:
        if request.method == "POST":
            return done()
        found = [{"queue_id": QUEUE_ID, "queue_name": "mining-queue-prod"}]
        return done(others if request.url.params["page"] == "1" else found)

    cloudflare = Cloudflare(answer)
    queue = cloudflare.queue("mining-queue-prod")
    queue.send(jobs(1))
    queue.send(jobs(1))

    assert [request.method for request in cloudflare.requests] == ["GET", "GET", "POST", "POST"]
    assert QUEUE_ID in cloudflare.requests[-1].url.path


def test_an_unknown_name_is_said() -> None:
    """If the account does not have the queue, the error names the setting."""
    cloudflare = Cloudflare(lambda request, number: done([]))

    with pytest.raises(Denied, match=r"no queue mining-queue-prod.*CLOUDFLARE_QUEUES"):
        cloudflare.queue("mining-queue-prod").send(jobs(1))


def test_retry_after_is_honoured() -> None:
    """If Cloudflare says how long to wait, the client waits that long, and nothing is lost."""
    refusals = {1: httpx.Response(429, headers={"retry-after": "7"}), 2: httpx.Response(503)}
    cloudflare = Cloudflare(lambda request, number: refusals.get(number) or done())

    cloudflare.queue().send(jobs(1))

    assert cloudflare.pauses == [7, 1.0]
    assert len({request.content for request in cloudflare.requests}) == 1


@pytest.mark.parametrize(
    "answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json={"success": False}), httpx.Response(302)]
)
def test_an_answer_that_is_not_the_apis_is_no_yes(answer: httpx.Response) -> None:
    """Jobs count as sent only if the API says so; after a gateway's answer, the call is retried."""
    cloudflare = Cloudflare(lambda request, number: answer if number == 1 else done())

    cloudflare.queue().send(jobs(1))

    assert len(cloudflare.requests) == 2


def test_a_wait_beyond_all_patience_is_kept_too() -> None:
    """If Cloudflare asks for a longer wait than a call allows, later calls make no request until it is over."""
    now = [0.0]
    answers = {1: httpx.Response(429, headers={"retry-after": "900"})}
    cloudflare = Cloudflare(lambda request, number: answers.get(number) or done())
    queue = cloudflare.queue(clock=lambda: now[0])

    for now[0] in (0.0, 1.0, 899.0):
        with pytest.raises(Unavailable):
            queue.send(jobs(1))
    before = len(cloudflare.requests)
    now[0] = 900.0
    queue.send(jobs(1))

    assert (before, len(cloudflare.requests)) == (1, 2)


def test_a_network_that_comes_back_is_waited_for() -> None:
    """A failed connection is retried."""

    def answer(request: httpx.Request, number: int) -> httpx.Response:
        if number < 3:
            raise httpx.ConnectError("away")
        return done()

    cloudflare = Cloudflare(answer)
    cloudflare.queue().send(jobs(1))

    assert len(cloudflare.requests) == 3


def test_patience_ends() -> None:
    """After the patience is used up, the queue is Unavailable; no pause exceeds its limit."""
    cloudflare = Cloudflare(lambda request, number: httpx.Response(429))

    with pytest.raises(Unavailable, match=QUEUE_ID):
        cloudflare.queue(patience_seconds=120).send(jobs(1))

    assert 60 < sum(cloudflare.pauses) <= 120
    assert max(cloudflare.pauses) == 30


@pytest.mark.parametrize(
    ("status", "trouble", "word"),
    [
        (401, Denied, "CLOUDFLARE_API_TOKEN"),
        (403, Denied, "CLOUDFLARE_API_TOKEN"),
        (404, Denied, "CLOUDFLARE_QUEUES"),
        (413, LimitExceeded, "too large"),
        (400, Unavailable, "400"),
    ],
)
def test_what_waiting_does_not_help_is_said_at_once(status: int, trouble: type[Trouble], word: str) -> None:
    """A refusal says what to correct, and shows no credential."""
    cloudflare = Cloudflare(lambda request, number: httpx.Response(status, json={"success": False}))

    with pytest.raises(trouble, match=word) as caught:
        cloudflare.queue().send(jobs(1))

    assert "secret" not in str(caught.value)
    assert len(cloudflare.requests) == 1
