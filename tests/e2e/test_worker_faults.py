"""The deployed Worker counts each message once, whatever is repeated, lost, late or unavailable."""

import itertools
import time
from dataclasses import replace
from typing import Any

import pytest

from processor.adapters.cloudflare.r2 import MAX_OBJECT_BYTES
from schemas.jobs import Job, JobKind
from schemas.ledger import Dead
from schemas.segments import segment_key
from schemas.uids import UidRanges
from tests.e2e.worker_minings import DISTINCT, MAILBOX, outcome, start
from tests.support.cloudflare.deployment import Deployment
from tests.support.cloudflare.local import Message
from tests.support.postgrest import Fault
from tests.support.stack import Begun, Folder, mail


def test_repeated_reordered_and_interleaved_jobs_change_nothing(
    deployment: Deployment, user: str, calm: dict[str, Any]
) -> None:
    """Four simultaneous invocations, each with all jobs in a different order, give the result of an undisturbed run."""
    begun = start(deployment, user)
    orders = list(itertools.permutations(begun.jobs))[:4]

    deployment.deliver(*orders)
    deployment.fetched(begun)
    deployment.deliver(*orders)
    deployment.finish(begun)

    assert outcome(deployment, begun) == calm


def test_late_jobs_of_an_ended_mining_do_nothing(deployment: Deployment, user: str, calm: dict[str, Any]) -> None:
    """Jobs of every kind that arrive after the end are acknowledged and change nothing."""
    begun = deployment.mine(user, *MAILBOX)
    jobs = [*begun.jobs, Job(JobKind.REFINE, begun.id, chunk=1), Job(JobKind.TEARDOWN, begun.id)]

    [verdict] = deployment.deliver([*jobs, "noise"])

    assert len(verdict["explicitAcks"]) == len(jobs) + 1
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize("binding", ["d1", "r2", "queue"])
def test_a_binding_that_fails_for_a_while_delays_only(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str
) -> None:
    """Work that D1, R2 or the queue refuses for a while is done later, and no segment is dead."""
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
        Fault(500, times=2),
        Fault(429, times=2),
        Fault(401, times=2),
        Fault(403, times=2),
        Fault(409, function="apply_refined_chunk"),
        Fault(seconds=0.2, times=2),
        Fault(seconds=0.1, function="apply_refined_chunk", after_commit=True),
        Fault(seconds=0.1, function="finish_mining", after_commit=True),
    ],
    ids=[
        "503",
        "500",
        "429",
        "401",
        "403",
        "409",
        "silence",
        "answer to apply lost",
        "answer to finish lost",
    ],
)
def test_supabase_failing_for_a_while_delays_only(
    deployment: Deployment, user: str, calm: dict[str, Any], fault: Fault
) -> None:
    """Contacts are applied once, whether Supabase refuses, does not answer, or loses its answer after the work."""
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
    """A job that has used up the queue's retries while D1 is down keeps waiting, and in the end everything counts."""
    begun = start(deployment, user)
    deployment.fetched(begun)
    deployment.set_fault(binding="d1", times=1_000)

    verdicts = [deployment.deliver(begun.jobs, attempts=attempts)[0] for attempts in (1, 9, 10, 19, 99)]
    deployment.reset_meters()
    deployment.finish(begun)

    assert [len(verdict["retryMessages"]) for verdict in verdicts] == [3, 3, 0, 0, 0]
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize("fault", [Fault(503), Fault(403), Fault(seconds=0.05)], ids=["503", "403", "silence"])
def test_supabase_away_beyond_all_back_offs_makes_nothing_dead(
    deployment: Deployment, user: str, calm: dict[str, Any], fault: Fault
) -> None:
    """Segments are counted meanwhile; jobs that need Supabase wait as long as it takes and are never given up."""
    begun = start(deployment, user)
    deployment.fetched(begun)
    deployment.rest.fail(replace(fault, times=10_000))
    refining = [Job(JobKind.REFINE, begun.id, chunk=chunk) for chunk in range(2)]

    [counted] = deployment.deliver(begun.jobs)
    verdicts = [deployment.deliver(refining, attempts=attempts)[0] for attempts in (1, 9, 10, 19, 99)]
    status = deployment.local.query("SELECT state FROM minings WHERE mining_id = ?1", begun.id)
    deployment.rest.fail()
    deployment.finish(begun)

    assert len(counted["explicitAcks"]) == len(begun.jobs)
    assert [len(verdict["retryMessages"]) for verdict in verdicts] == [2, 2, 0, 0, 0]
    assert status == [{"state": "refining"}]
    assert outcome(deployment, begun) == calm


def test_what_is_too_large_for_a_segment_is_dead_by_its_limit(deployment: Deployment, user: str) -> None:
    """Objects that would fill the isolate's memory are not read, however many are in one batch; the rest are."""
    begun = deployment.begin(user)
    jobs = deployment.store(begun, Folder([[mail(10 * n + m) for m in range(2)] for n in range(9)]))
    for job in jobs[:8]:
        deployment.local.put_object(segment_key(begun.id, job.segment), b" " * (MAX_OBJECT_BYTES + 1))
    for attempts in (1, 2, 3):
        deployment.deliver(jobs, attempts=attempts)
    deployment.fetched(begun)
    deployment.finish(begun)

    ledger = outcome(deployment, begun)["ledger"]
    assert (ledger["processed"], ledger["dead"]) == (2, {Dead.LIMIT: 16})


def test_a_sweep_is_bounded_and_the_next_one_goes_on(deployment: Deployment, user: str, calm: dict[str, Any]) -> None:
    """A store that never answers ends a sweep at its time limit, and the next sweep finishes the work."""
    begun = start(deployment, user)
    deployment.fetched(begun)
    deployment.set_fault(binding="r2", method="list", kind="silence")
    began = time.monotonic()

    deployment.local.run_scheduled()
    seconds = time.monotonic() - began
    deployment.sweep()
    deployment.finish(begun)

    assert 4 < seconds < 30
    assert '{"event":"sweep ended early","reason":"time"}' in deployment.local.log
    assert outcome(deployment, begun) == calm


def test_a_segment_that_always_fails_is_dead_with_its_reason(deployment: Deployment, user: str) -> None:
    """A damaged object affects only its own messages; once it is replaced, `retry` before refining counts them."""
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

    assert (status["segments"]["dead"], status["segments"]["done"]) == (1, 2)
    assert retried.json() == {"retried": 1}
    assert outcome(deployment, begun)["ledger"]["processed"] == DISTINCT


def test_the_next_mining_counts_what_was_dead(deployment: Deployment, user: str) -> None:
    """A dead segment is in the ledger with its reason and in no watermark, so the next mining reads it."""
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

    [mark] = again.answer["watermarks"].values()
    assert UidRanges.parse(mark["uids"]) == UidRanges([(1, 5)])
    assert outcome(deployment, begun)["ledger"]["dead"] == {Dead.UNREADABLE: 7}
    assert outcome(deployment, again)["ledger"]["processed"] == 7
    assert deployment.contacts(user) == deployment.contacts(whole.user)


def test_a_job_from_the_dead_letter_queue_makes_its_segment_dead(deployment: Deployment, user: str) -> None:
    """A job that the platform gave up is in the ledger as `crashes`, and the other jobs are done."""
    begun = start(deployment, user)
    deployment.local.deliver([Message(begun.jobs[0].encode())], queue="mining-queue-test-dead")
    deployment.send(begun.jobs[1:])
    deployment.fetched(begun)
    deployment.finish(begun)

    assert outcome(deployment, begun)["ledger"]["dead"] == {Dead.CRASHES: 5}


def test_a_worker_redeployed_in_mid_mining_goes_on(deployment: Deployment, user: str, calm: dict[str, Any]) -> None:
    """A new instance of the Worker continues from what the first one left, even if the queue lost its messages."""
    begun = start(deployment, user)
    deployment.deliver(begun.jobs[:1])
    deployment.fetched(begun)
    deployment.send(begun.jobs[1:])

    deployment.local.redeploy()
    deployment.finish(begun)

    assert outcome(deployment, begun) == calm


def test_two_minings_at_once_do_not_disturb_each_other(deployment: Deployment, user: str) -> None:
    """Two minings of sources that share no messages each end as they would alone."""
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
