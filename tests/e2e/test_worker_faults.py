"""The deployed Worker in the real workerd: whatever is repeated, lost, late or away, each message counts once."""

import itertools
import json
from typing import Any

import pytest

from processor.tokens import user_token
from schemas.jobs import Job, JobKind
from schemas.ledger import Dead
from schemas.segments import segment_key
from tests.support.cloudflare.deployment import TOKEN, Deployment
from tests.support.cloudflare.local import Message
from tests.support.postgrest import Fault
from tests.support.stack import Begun, Folder, mail

SUBJECT = "a word that stands in no log"
MAILBOX = (
    Folder(
        [
            [mail(n, sender=f"Jane Doe {n % 3} <jane+{n % 2}@acme.com>") for n in range(5)],
            [mail(n, sender=f"p{n}@firm{n}.com", to="me@example.org, Bob <bob@acme.com>") for n in range(5, 12)],
        ]
    ),
    Folder([[mail(n, more=f"X-Copy: {SUBJECT}\r\n") for n in range(3, 8)]], name="Archive"),
)
LISTED, DISTINCT = 17, 12
TEMPORARY = ("segments", "points", "persons", "chunks")
_numbers = itertools.count()


@pytest.fixture
def user() -> str:
    """Return a user of the test's own."""
    return f"user-{next(_numbers)}"


@pytest.fixture(scope="module")
def calm(shared_deployment: Deployment) -> dict[str, Any]:
    """Return what an undisturbed run of the mailbox gives: `ledger` and `contacts`."""
    begun = shared_deployment.mine("calm", *MAILBOX)
    return outcome(shared_deployment, begun)


def outcome(deployment: Deployment, begun: Begun) -> dict[str, Any]:
    report = deployment.report(begun)
    assert report["balanced"], report
    return {"ledger": report["ledger"], "contacts": deployment.contacts(begun.user)}


def start(deployment: Deployment, user: str) -> Begun:
    begun = deployment.begin(user)
    deployment.store(begun, *MAILBOX)
    return begun


def test_repeated_reordered_and_interleaved_jobs_change_nothing(
    deployment: Deployment, user: str, calm: dict[str, Any]
) -> None:
    """Four invocations at once, each with all jobs in an order of its own, give what one quiet run gives."""
    begun = start(deployment, user)
    orders = list(itertools.permutations(begun.jobs))[:4]

    deployment.deliver(*orders)
    deployment.fetched(begun)
    deployment.deliver(*orders)
    deployment.finish(begun)

    assert outcome(deployment, begun) == calm


def test_late_jobs_of_an_ended_mining_do_nothing(deployment: Deployment, user: str, calm: dict[str, Any]) -> None:
    """Jobs of every kind that come after the end are acknowledged and change nothing."""
    begun = deployment.mine(user, *MAILBOX)
    jobs = [*begun.jobs, Job(JobKind.REFINE, begun.id, chunk=1), Job(JobKind.TEARDOWN, begun.id)]

    [verdict] = deployment.deliver([*jobs, "noise"])

    assert len(verdict["explicitAcks"]) == len(jobs) + 1
    assert outcome(deployment, begun) == calm


WRITES = (("d1", "batch", 8), ("d1", "write", 7), ("queue", "sendBatch", 2), ("r2", "delete", 2))
"""All writes of the Worker in one mining of this mailbox, but for what Supabase does: see below."""
CRASHES = [
    (binding, method, first, kind)
    for kind in ("crash", "crash after")
    for binding, method, calls in WRITES
    for first in range(1, calls + 1)
]


@pytest.mark.parametrize(("binding", "method", "first", "kind"), CRASHES)
def test_a_crash_between_any_two_writes_loses_nothing(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str, method: str, first: int, kind: str
) -> None:
    """An isolate that dies before or after a write leaves a mining that ends as an undisturbed one does."""
    begun = start(deployment, user)
    fetched = f"/users/{user}/minings/{begun.id}/fetched"
    deployment.set_fault(binding=binding, method=method, first=first, kind=kind)

    deployment.send(begun.jobs)
    while deployment.ask("POST", fetched, {"lease": begun.lease}).status_code >= 500:
        pass  # as a fetcher does, which asks again where no answer came
    deployment.finish(begun)

    assert deployment.meters()["faults_done"] == 1
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize("binding", ["d1", "r2", "queue"])
def test_a_binding_that_fails_for_a_while_delays_only(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str
) -> None:
    """What D1, R2 or the queue refuses for a while is done later; no segment is dead for it."""
    begun = start(deployment, user)
    deployment.fetched(begun)
    deployment.set_fault(binding=binding, times=4)

    deployment.send(begun.jobs)
    deployment.finish(begun)

    assert deployment.meters()["faults_done"] == 4
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize(
    "fault",
    [
        Fault(503, times=3),
        Fault(401, times=2),
        Fault(409, function="apply_refined_chunk"),
        Fault(seconds=0.2, times=2),
        Fault(seconds=0.1, function="apply_refined_chunk", after_commit=True),
        Fault(seconds=0.1, function="finish_mining", after_commit=True),
    ],
    ids=["503", "401", "409", "silence", "apply answered into the void", "finish answered into the void"],
)
def test_supabase_failing_for_a_while_delays_only(
    deployment: Deployment, user: str, calm: dict[str, Any], fault: Fault
) -> None:
    """Whether Supabase refuses, is silent, or loses its answer after the work: contacts are applied once."""
    begun = start(deployment, user)
    deployment.fetched(begun)
    deployment.deliver(begun.jobs[:2])
    deployment.rest.fail(fault)

    deployment.send(begun.jobs[2:])
    deployment.finish(begun)

    assert fault.times == 0
    assert outcome(deployment, begun) == calm


def test_an_outage_beyond_all_back_offs_makes_nothing_dead(
    deployment: Deployment, user: str, calm: dict[str, Any]
) -> None:
    """A job that has waited for D1 as often as a queue allows waits on; afterwards everything counts."""
    begun = start(deployment, user)
    deployment.fetched(begun)
    deployment.set_fault(binding="d1", times=1_000)

    verdicts = [deployment.deliver(begun.jobs, attempts=attempts)[0] for attempts in (1, 9, 10, 19, 99)]
    deployment.reset_meters()
    deployment.finish(begun)

    assert [len(verdict["retryMessages"]) for verdict in verdicts] == [3, 3, 0, 0, 0]
    assert outcome(deployment, begun) == calm


def test_a_segment_that_always_fails_is_dead_with_its_reason(deployment: Deployment, user: str) -> None:
    """A damaged object costs its own messages; retry before refining counts them once it is whole."""
    begun = start(deployment, user)
    key = segment_key(begun.id, begun.jobs[1].segment)
    deployment.local.put_object(key, b"noise")
    for attempts in (1, 2, 3):
        deployment.deliver(begun.jobs, attempts=attempts)
    status = deployment.status(begun)

    deployment.store(Begun(user, begun.id, begun.lease, begun.answer), *MAILBOX)
    retried = deployment.ask("POST", f"/users/{user}/minings/{begun.id}/retry")
    deployment.fetched(begun)
    deployment.finish(begun)

    assert status["segments"]["dead"] == 1
    assert retried.json() == {"retried": 1}
    assert outcome(deployment, begun)["ledger"]["processed"] == DISTINCT


def test_the_next_mining_counts_what_was_dead(deployment: Deployment, user: str) -> None:
    """A dead segment stands in the ledger with its reason and in no watermark: the next mining has it."""
    inbox = MAILBOX[0]
    whole = deployment.mine(f"{user}-whole", inbox)
    begun = deployment.begin(user)
    deployment.store(begun, inbox)
    deployment.local.put_object(segment_key(begun.id, begun.jobs[1].segment), b"noise")
    for attempts in (1, 2, 3):
        deployment.deliver(begun.jobs, attempts=attempts)
    deployment.fetched(begun)
    deployment.finish(begun)

    again = deployment.mine(user, inbox)

    assert outcome(deployment, begun)["ledger"]["dead"] == {Dead.UNREADABLE: 7}
    assert outcome(deployment, again)["ledger"]["processed"] == 7
    assert deployment.contacts(user) == deployment.contacts(whole.user)


def test_a_job_from_the_dead_letter_queue_makes_its_segment_dead(deployment: Deployment, user: str) -> None:
    """What the platform gave up stands in the ledger as `crashes`, and the others are done."""
    begun = start(deployment, user)
    deployment.local.deliver([Message(begun.jobs[0].encode())], queue="mining-queue-test-dead")
    deployment.send(begun.jobs[1:])
    deployment.fetched(begun)
    deployment.finish(begun)

    assert outcome(deployment, begun)["ledger"]["dead"] == {Dead.CRASHES: 5}


def test_a_worker_redeployed_in_mid_mining_goes_on(deployment: Deployment, user: str, calm: dict[str, Any]) -> None:
    """Another instance of the Worker finds what the first one left, though the queue lost its messages."""
    begun = start(deployment, user)
    deployment.deliver(begun.jobs[:1])
    deployment.fetched(begun)
    deployment.send(begun.jobs[1:])

    deployment.local.redeploy()
    deployment.finish(begun)

    assert outcome(deployment, begun) == calm


def test_two_minings_at_once_do_not_disturb_each_other(deployment: Deployment, user: str) -> None:
    """Of sources that share no message, each ends as if it were alone."""
    other = (Folder([[mail(n, sender=f"q{n}@corp{n}.net") for n in range(100, 108)]]),)
    apart = [deployment.mine(f"{user}-apart", *MAILBOX), deployment.mine(f"{user}-apart", *other, source="b@b.net:993")]

    one, two = start(deployment, user), deployment.begin(user, source="b@b.net:993")
    deployment.store(two, *other)
    deployment.deliver(*([job] for job in (*one.jobs, *two.jobs)))
    deployment.fetched(one)
    deployment.fetched(two)
    deployment.finish(one, two)

    assert deployment.contacts(user) == deployment.contacts(f"{user}-apart")
    ledgers = [deployment.report(begun)["ledger"] for begun in (one, two)]
    assert ledgers == [deployment.report(begun)["ledger"] for begun in apart]


@pytest.mark.parametrize("token", ["", "another", "user-x.0011"])
def test_without_the_right_token_there_is_401_and_nothing_else(deployment: Deployment, user: str, token: str) -> None:
    """No route but health says anything, whether the thing is there or not."""
    routes = [f"/users/{user}/minings", f"/users/{user}/contacts", "/users", "/"]

    answers = [deployment.ask("GET", route, token=token) for route in routes]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, "token")] * len(routes)


def test_a_users_token_opens_that_user_alone(deployment: Deployment, user: str) -> None:
    """Another user's id in the path is 404."""
    token = user_token(TOKEN, user)

    assert deployment.ask("GET", f"/users/{user}/minings", token=token).status_code == 200
    assert deployment.ask("GET", "/users/calm/minings", token=token).status_code == 404


def test_after_teardown_only_keys_and_watermarks_stay(deployment: Deployment, user: str) -> None:
    """R2 and D1 hold nothing of the mining, and the receipt says what was removed."""
    begun = deployment.mine(user, *MAILBOX)

    receipt = deployment.report(begun)["receipt"]

    assert deployment.local.objects(f"{begun.id}/") == []
    number = deployment.local.query("SELECT user_no FROM users WHERE user_id = ?1", user)[0]["user_no"]
    assert deployment.local.query("SELECT mining_id FROM minings WHERE user_no = ?1", number) == []
    for table in TEMPORARY:
        left = f"SELECT count(*) AS n FROM {table} WHERE mining_no NOT IN (SELECT mining_no FROM minings)"
        assert deployment.local.query(left) == [{"n": 0}]
    kept = "SELECT count(*) AS n FROM {} WHERE user_no = ?1"
    assert deployment.local.query(kept.format("messages"), number) == [{"n": DISTINCT}]
    assert deployment.local.query(kept.format("watermarks"), number) == [{"n": 2}]
    assert (receipt["objects"], receipt["segments"]) == (4, 3)


def test_nothing_of_the_mail_is_logged(deployment: Deployment, user: str) -> None:
    """The Worker's log, and what the platform kept of it, names no address, no name and no text of a message."""
    begun = start(deployment, user)
    deployment.local.put_object(segment_key(begun.id, begun.jobs[0].segment), b"noise Jane Doe jane@acme.com")
    for attempts in (1, 2, 3):
        deployment.deliver([*begun.jobs, "noise Jane Doe jane@acme.com"], attempts=attempts)
    deployment.fetched(begun)
    deployment.finish(begun)

    log = deployment.local.log
    events = {json.loads(line)["event"] for line in log.splitlines() if line.startswith("{")}
    assert {"job waits", "job given up"} <= events
    for word in ("@", "Jane", "acme", SUBJECT, "Hello"):
        assert word not in log
