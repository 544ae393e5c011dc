"""If the deployed Worker dies between any two of its writes, the outcome is that of an undisturbed run."""

import uuid
from collections import Counter
from typing import Any

import pytest

from schemas.segments import segment_key
from tests.e2e.worker_minings import MAILBOX, outcome, start
from tests.support.cloudflare.deployment import Deployment
from tests.support.stack import AS_OF, Begun

SILENT = "UPDATE minings SET heard_at = heard_at - 120 WHERE mining_id = ?1"
MINING = {
    ("d1", "batch"): 8,
    ("d1", "write"): 7,
    ("queue", "sendBatch"): 2,
    ("r2", "delete"): 2,
    ("supabase", "apply_refined_chunk"): 2,
    ("supabase", "finish_mining"): 1,
}
"""All of the Worker's writes while it mines the mailbox, from the first job: segments, refining and teardown."""
BEGIN = {("supabase", "begin_mining"): 1, ("d1", "batch"): 1, ("d1", "write"): 1}
ERASE = {("supabase", "erase_user"): 2, ("d1", "batch"): 2, ("r2", "delete"): 2}
RETRY = {("d1", "write"): 1, ("queue", "sendBatch"): 1}
CANCEL = {("d1", "write"): 3, ("d1", "batch"): 1, ("queue", "sendBatch"): 1}
READS = {"d1 read", "r2 get", "r2 list", "supabase schema_version", "supabase mining_record"}
COUNTERS = {"d1 statements", "d1 rows written", "d1 rows read", "http requests"}
COUNTERS |= {"queue batches", "queue messages sent", "queue messages delivered"}


def positions(writes: dict[tuple[str, str], int]) -> list[tuple[str, str, int, str]]:
    """Return every point at which an isolate can die: before and after each write."""
    return [
        (binding, method, first, kind)
        for (binding, method), calls in writes.items()
        for first in range(1, calls + 1)
        for kind in ("crash", "crash after")
    ]


def writes(deployment: Deployment) -> dict[tuple[str, str], int]:
    """Return the writes since the meters were reset."""
    counts = deployment.meters()["counts"]
    return {(name.split()[0], name.split()[1]): counts[name] for name in counts if name not in READS | COUNTERS}


def ask_until_answered(deployment: Deployment, path: str, body: object = None) -> Any:
    """Send a request until it is answered, as a fetcher does."""
    while (answer := deployment.ask("POST", path, body)).status_code >= 500:
        pass
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_these_are_all_writes(deployment: Deployment, user: str) -> None:
    """An undisturbed mining makes exactly the writes at which the tests below crash the Worker."""
    path = f"/users/{user}"
    deployment.reset_meters()
    begun = deployment.begin(user)
    in_begin = writes(deployment)
    deployment.store(begun, *MAILBOX)
    deployment.reset_meters()
    deployment.fetched(begun)
    deployment.send(begun.jobs)
    deployment.finish(begun, idle_seconds=60)
    in_mining = writes(deployment)
    begun = start(deployment, user)
    deployment.reset_meters()
    deployment.ask("POST", f"{path}/erase")
    in_erasure = writes(deployment)
    begun = start(deployment, user)
    deployment.local.query(SILENT, begun.id)
    deployment.reset_meters()
    deployment.ask("POST", f"{path}/minings/{begun.id}/cancel")
    deployment.finish(begun, idle_seconds=60)
    in_cancelling = writes(deployment)

    assert in_begin == BEGIN
    assert in_mining == MINING
    assert in_erasure == ERASE
    assert in_cancelling == Counter(MINING) + Counter({("d1", "write"): 2, ("queue", "sendBatch"): 1})


@pytest.mark.parametrize(("binding", "method", "first", "kind"), positions(MINING))
def test_a_crash_between_any_two_writes_loses_nothing(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str, method: str, first: int, kind: str
) -> None:
    """If an isolate dies before or after a write, the mining still ends like an undisturbed one."""
    begun = start(deployment, user)
    deployment.set_fault(binding=binding, method=method, first=first, kind=kind)

    deployment.send(begun.jobs)
    ask_until_answered(deployment, f"/users/{user}/minings/{begun.id}/fetched", {"lease": begun.lease})
    deployment.finish(begun)

    assert deployment.meters()["faults_done"] == 1
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize(("binding", "method", "first", "kind"), positions(BEGIN))
def test_a_crash_while_beginning_begins_once(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str, method: str, first: int, kind: str
) -> None:
    """A repeated begin with the same id continues where the first one died."""
    source = {"source": "me@example.org@imap.example.org:993", "address": "me@example.org"}
    asked = {"id": str(uuid.uuid4()), "as_of": AS_OF, "chunks": 2, "holder": "test"} | source
    deployment.set_fault(binding=binding, method=method, first=first, kind=kind)

    answer = ask_until_answered(deployment, f"/users/{user}/minings", asked)
    begun = Begun(user, answer["id"], answer["lease"], answer)
    deployment.send(deployment.store(begun, *MAILBOX))
    deployment.fetched(begun)
    deployment.finish(begun)

    assert deployment.meters()["faults_done"] == 1
    assert (begun.id, answer["resumed"]) == (asked["id"], False)
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize(("binding", "method", "first", "kind"), positions(CANCEL))
def test_a_crash_while_cancelling_leaves_a_mining_that_ends(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str, method: str, first: int, kind: str
) -> None:
    """Whatever a cancelled mining has stored counts, even if cancelling crashed and was repeated."""
    begun = start(deployment, user)
    deployment.local.query(SILENT, begun.id)
    deployment.set_fault(binding=binding, method=method, first=first, kind=kind)

    ask_until_answered(deployment, f"/users/{user}/minings/{begun.id}/cancel")
    deployment.finish(begun)

    assert deployment.meters()["faults_done"] == 1
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize(("binding", "method", "first", "kind"), positions(RETRY))
def test_a_crash_while_retrying_loses_no_segment(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str, method: str, first: int, kind: str
) -> None:
    """A dead segment is counted in the end, even if its job was never sent."""
    begun = start(deployment, user)
    key = segment_key(begun.id, begun.jobs[1].segment)
    deployment.local.put_object(key, b"noise")
    for attempts in (1, 2, 3):
        deployment.deliver(begun.jobs, attempts=attempts)
    deployment.store(Begun(user, begun.id, begun.lease, begun.answer), *MAILBOX)
    deployment.set_fault(binding=binding, method=method, first=first, kind=kind)

    ask_until_answered(deployment, f"/users/{user}/minings/{begun.id}/retry")
    deployment.fetched(begun)
    deployment.finish(begun)

    assert deployment.meters()["faults_done"] == 1
    assert outcome(deployment, begun) == calm


@pytest.mark.parametrize(("binding", "method", "first", "kind"), positions(ERASE))
def test_a_crash_while_erasing_leaves_nothing(
    deployment: Deployment, user: str, calm: dict[str, Any], binding: str, method: str, first: int, kind: str
) -> None:
    """A repeated erasure and a sweep remove what the first erasure left, and late jobs bring nothing back."""
    deployment.mine(user, *MAILBOX)
    begun = start(deployment, user)
    deployment.deliver(begun.jobs[:1])
    deployment.set_fault(binding=binding, method=method, first=first, kind=kind)

    ask_until_answered(deployment, f"/users/{user}/erase")
    deployment.deliver(begun.jobs)
    deployment.sweep()

    assert deployment.meters()["faults_done"] == 1
    assert deployment.contacts(user) == []
    assert deployment.local.objects(f"{begun.id}/") == []
    assert deployment.local.query("SELECT 1 FROM users WHERE user_id = ?1", user) == []
    assert deployment.local.query("SELECT 1 FROM minings WHERE mining_id = ?1", begun.id) == []
    for table in ("segments", "points", "persons", "chunks", "messages"):
        orphans = f"SELECT 1 FROM {table} WHERE mining_no NOT IN (SELECT mining_no FROM minings)"
        if table == "messages":
            orphans = "SELECT 1 FROM messages WHERE user_no NOT IN (SELECT user_no FROM users)"
        assert deployment.local.query(orphans) == []
