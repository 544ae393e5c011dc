"""Whatever happens to jobs, every message counts once and ends in one column of the ledger."""

import json
from pathlib import Path

import pytest

from processor.jobs.pipeline import MAX_CRASHES
from processor.jobs.refining import refine_jobs
from processor.ports import LimitExceeded, RawStore, Unavailable
from schemas.jobs import Job, JobKind
from schemas.ledger import Dead
from schemas.segments import plan_key, segment_key
from tests.support.stack import Begun, Folder, Stack, mail, open_stack

MAILBOX = (
    Folder(
        [
            [mail(n, sender=f"Jane Doe {n % 3} <jane+{n % 2}@acme.com>") for n in range(5)],
            [mail(n, sender=f"p{n}@firm{n}.com", to="me@example.org, Bob <bob@acme.com>") for n in range(5, 12)],
        ]
    ),
    Folder([[mail(n, more="X-Copy: of the list\r\n") for n in range(3, 8)]], name="Archive"),
)
LISTED = 17
DISTINCT = 12


async def test_a_mining_counts_every_message_once(stack: Stack) -> None:
    """Copies in two folders are one message. The ledger balances and counts the copies as duplicates."""
    begun = await stack.mine(*MAILBOX)

    report = await stack.report(begun)

    assert report["state"] == "finished"
    assert report["balanced"]
    assert report["ledger"]["listed"] == report["ledger"]["fetched"] == LISTED
    assert (report["ledger"]["processed"], report["ledger"]["duplicate"]) == (DISTINCT, LISTED - DISTINCT)
    jane = next(contact for contact in await stack.contacts() if contact["address"] == "jane@acme.com")
    assert (jane["occurrence"], jane["sender"]) == (8, 8)
    assert jane["alternate_emails"] == ["jane+0@acme.com", "jane+1@acme.com"]


@pytest.mark.parametrize("seed", range(4))
async def test_order_and_repetition_of_jobs_change_nothing(stack: Stack, seed: int) -> None:
    """Shuffled jobs, each delivered twice, give the same contacts and ledger as an undisturbed run."""
    undisturbed = await stack.mine(*MAILBOX, user="calm")

    disturbed = await stack.mine(*MAILBOX, user="storm", seed=seed, twice=True)

    assert await stack.contacts("storm") == await stack.contacts("calm")
    assert (await stack.report(disturbed))["ledger"] == (await stack.report(undisturbed))["ledger"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_unread_fields_count_in_every_copy(stack: Stack, seed: int) -> None:
    """Fields without a readable address add up over all copies, in whatever order and however often jobs run."""
    odd = [mail(n, sender="Jane (unknown)", to="everyone") for n in range(3)]
    folders = Folder([odd[:1], [*odd[1:], mail(9)]]), Folder([[odd[0], mail(9)]], name="Archive")

    first = await stack.mine(*folders, seed=seed, twice=True)
    again = await stack.mine(*folders, source="other@imap.example.org:993")

    assert (await stack.report(first))["ledger"]["unread_fields"] == 8
    assert (await stack.report(again))["ledger"]["unread_fields"] == 8


async def test_after_teardown_only_keys_and_watermarks_stay(stack: Stack) -> None:
    """Raw mail and temporary rows are deleted, and the receipt counts what was deleted."""
    begun = await stack.mine(*MAILBOX)

    receipt = (await stack.report(begun))["receipt"]

    assert [path for path in stack.root.rglob("*") if path.is_file()] == []
    assert {table: await stack.rows(table) for table in ("minings", "segments", "points", "persons", "chunks")} == {
        "minings": 0,
        "segments": 0,
        "points": 0,
        "persons": 0,
        "chunks": 0,
    }
    assert (await stack.rows("messages"), await stack.rows("watermarks")) == (DISTINCT, 2)
    assert (receipt["objects"], receipt["segments"]) == (4, 3)
    assert receipt["points"] > 0
    assert len(receipt["keys"]) == 64


async def test_a_second_mining_changes_no_statistic(stack: Stack) -> None:
    """Messages counted before are duplicates if they are fetched again, and the watermarks cover them."""
    await stack.mine(*MAILBOX)
    before = await stack.contacts()

    again = await stack.begin()
    marks = again.answer["watermarks"]
    await stack.queue.send(stack.store(again, *MAILBOX))
    await stack.fetched(again)
    await stack.drain()

    assert await stack.contacts() == before
    assert (await stack.report(again))["ledger"]["duplicate"] == LISTED
    assert sorted(mark["uids"] for mark in marks.values()) == ["1:12", "1:5"]


async def test_two_minings_at_once_share_no_count(stack: Stack) -> None:
    """If two sources have the same messages, each message counts for exactly one of them."""
    alone = await stack.mine(*MAILBOX, user="alone")

    one = await stack.begin(source="one@imap.example.org:993")
    two = await stack.begin(source="two@imap.example.org:993")
    jobs = [job for pair in zip(stack.store(one, *MAILBOX), stack.store(two, *MAILBOX), strict=True) for job in pair]
    await stack.queue.send(jobs)
    await stack.fetched(one)
    await stack.fetched(two)
    await stack.drain()

    ledgers = [(await stack.report(begun))["ledger"] for begun in (one, two)]
    assert sum(ledger["processed"] for ledger in ledgers) == DISTINCT
    assert all(ledger["fetched"] == LISTED for ledger in ledgers)
    counted = {contact["address"]: contact["occurrence"] for contact in await stack.contacts()}
    assert counted == {contact["address"]: contact["occurrence"] for contact in await stack.contacts("alone")}
    assert (await stack.report(alone))["balanced"]


async def test_users_never_touch_each_other(stack: Stack) -> None:
    """The same mailbox counts in full for two users, and erasing one user leaves the other unchanged."""
    await stack.mine(*MAILBOX, user="ann")
    await stack.mine(*MAILBOX, user="ben")
    before = await stack.contacts("ben")

    await stack.ask("POST", "/users/ann/erase", {"address": None})

    assert await stack.contacts("ann") == []
    assert await stack.contacts("ben") == before
    assert await stack.rows("messages") == DISTINCT


@pytest.mark.parametrize("damage", [b"", b"noise", b'{"v":1}\n'])
async def test_an_unreadable_segment_is_dead_with_its_reason(stack: Stack, damage: bytes) -> None:
    """A damaged object costs only its own messages. They are dead with a reason, and no watermark covers them."""
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    stack.put(segment_key(begun.id, jobs[1].segment), damage)
    await stack.queue.send(jobs)
    await stack.fetched(begun)

    await stack.drain()

    report = await stack.report(begun)
    assert report["balanced"]
    assert report["ledger"]["dead"] == {Dead.UNREADABLE: 7}
    again = await stack.begin()
    assert sorted(mark["uids"] for mark in again.answer["watermarks"].values()) == ["1:5", "1:5"]


async def test_a_lost_object_is_dead_not_waited_for(stack: Stack) -> None:
    """A sent segment whose object has disappeared does not hold up the mining."""
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    await stack.fetched(begun)
    (stack.root / segment_key(begun.id, jobs[0].segment)).unlink()
    await stack.queue.send(jobs)

    await stack.drain()

    report = await stack.report(begun)
    assert report["balanced"]
    assert report["ledger"]["dead"] == {Dead.UNREADABLE: 5}


async def test_a_job_that_kills_its_processor_is_given_up(stack: Stack) -> None:
    """After too many deliveries without a verdict a segment is dead with the reason `crashes`."""
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    await stack.fetched(begun)

    await stack.work(jobs[0].encode(), deliveries=MAX_CRASHES)
    await stack.queue.send(jobs[1:])
    await stack.drain()

    report = await stack.report(begun)
    assert report["balanced"]
    assert report["ledger"]["dead"] == {Dead.CRASHES: 5}


async def test_retry_brings_the_dead_back_until_refining(stack: Stack) -> None:
    """Retry counts a dead segment that is complete again. Once refining has begun, retry is refused."""
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    path = stack.root / segment_key(begun.id, jobs[1].segment)
    whole = path.read_bytes()
    path.write_bytes(b"noise")
    await stack.queue.send(jobs)
    await stack.drain()
    path.write_bytes(whole)

    retried = await stack.ask("POST", f"/users/jo/minings/{begun.id}/retry")
    await stack.fetched(begun)
    await stack.drain()

    assert retried.body == {"retried": 1}
    assert (await stack.report(begun))["ledger"]["processed"] == DISTINCT
    late = await stack.ask("POST", f"/users/jo/minings/{begun.id}/retry")
    assert (late.status, late.body["code"]) == (409, "refining")


async def test_what_is_no_job_is_buried(stack: Stack) -> None:
    """Noise in the queue goes to the dead letters and stops nothing."""
    await stack.pipeline.handle("noise")

    begun = await stack.mine(*MAILBOX)

    assert (await stack.report(begun))["balanced"]


async def test_late_jobs_of_an_ended_mining_do_nothing(stack: Stack) -> None:
    """Jobs of any kind that arrive after the end change nothing and do not fail."""
    begun = await stack.mine(*MAILBOX)
    before = await stack.contacts()

    for job in [*begun.jobs, Job(JobKind.REFINE, begun.id, chunk=1), Job(JobKind.TEARDOWN, begun.id)]:
        await stack.pipeline.handle(job.encode())

    assert await stack.contacts() == before
    assert await stack.rows("points") == 0


async def test_a_few_jobs_refine_all_chunks(stack: Stack) -> None:
    """Each job has up to four chunks. A job that is repeated, even midway, does only what is missing."""
    people = Folder([[mail(n, sender=f"p{n}@firm{n}.com") for n in range(60)]])
    begun = await stack.begin(chunks=10)
    segments = stack.store(begun, people)
    await stack.fetched(begun)
    await stack.work(segments[0].encode())
    jobs = []
    while (delivery := await stack.queue.receive(wait_seconds=0.001)) is not None:
        await stack.queue.settle(delivery)
        jobs.append(delivery.job)

    await stack.work(jobs[0])
    after_one = await stack.rows("chunks")
    await stack.work(jobs[0], deliveries=2)
    after_again = await stack.rows("chunks")
    for job in jobs[1:]:
        await stack.work(job)
    await stack.drain()

    asked = [(job["chunk"], job["chunks"]) for job in map(json.loads, jobs)]
    assert asked == [(0, 4), (4, 4), (8, 2)]
    assert (after_one, after_again) == (4, 4)
    assert len(await stack.contacts()) == 60


def test_what_lies_between_chunks_is_passed_over() -> None:
    """A job reaches from its first chunk to its last, and no chunk is in two jobs."""
    jobs = refine_jobs("m", [0, 3, 4, 9, 11])

    assert [(job.chunk, job.chunks) for job in jobs] == [(0, 10), (11, 1)]


async def test_lost_jobs_are_found_by_the_sweep(stack: Stack) -> None:
    """A queue that loses everything, in any state, only delays a mining."""
    begun = await stack.begin()
    stack.store(begun, *MAILBOX)
    await stack.fetched(begun)

    for _ in range(4):
        await stack.sweeper.sweep()
        delivery = await stack.queue.receive(wait_seconds=0.001)
        while delivery is not None:
            await stack.queue.settle(delivery)
            if Job.decode(delivery.job).kind is JobKind.SEGMENT:
                await stack.work(delivery.job)
            delivery = await stack.queue.receive(wait_seconds=0.001)
    await stack.sweeper.sweep()
    await stack.drain()

    assert (await stack.report(begun))["state"] == "finished"
    assert (await stack.report(begun))["ledger"]["processed"] == DISTINCT


async def test_the_sweep_removes_objects_of_no_mining(stack: Stack) -> None:
    """The sweep deletes objects that were stored after their mining ended, and nothing else."""
    ended = await stack.mine(*MAILBOX)
    running = await stack.begin(source="other@imap.example.org:993")
    jobs = stack.store(running, *MAILBOX)
    stack.put(segment_key(ended.id, "0123456789abcdef/7/1-5"), b"late")

    await stack.sweeper.sweep()

    left = {path.relative_to(stack.root).parts[0] for path in stack.root.rglob("*") if path.is_file()}
    assert left == {running.id}
    assert all((stack.root / segment_key(running.id, job.segment)).exists() for job in jobs)


async def cancel_without_fetcher(stack: Stack, begun: Begun) -> None:
    """Cancel a mining whose fetcher has been silent for two minutes, and let it end."""
    await stack.ask("POST", f"/users/{begun.user}/minings/{begun.id}/cancel")
    async with stack.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute("UPDATE minings SET heard_at = now() - interval '2 minutes'")
    await stack.sweeper.sweep()
    await stack.drain()


async def test_a_mining_whose_plan_is_damaged_can_be_ended(stack: Stack) -> None:
    """Stored messages count, and only they are known to have been listed. The ledger balances."""
    begun = await stack.begin(user="jo")
    await stack.queue.send(stack.store(begun, *MAILBOX)[:1])
    (stack.root / plan_key(begun.id)).write_bytes(b"\x00 damaged")

    await cancel_without_fetcher(stack, begun)

    ended = await stack.report(begun)
    assert (ended["state"], ended["balanced"]) == ("finished", True)
    assert ended["ledger"]["listed"] == ended["ledger"]["fetched"] == LISTED


class HugePlans:
    """A raw store whose plans are larger than it hands out."""

    def __init__(self, raw: RawStore) -> None:
        self._raw = raw
        self.list, self.delete = raw.list, raw.delete

    async def get(self, key: str) -> bytes:
        """Return an object's bytes, or refuse to."""
        if key == plan_key(key.partition("/")[0]):
            raise LimitExceeded("the object is larger than any segment")
        return await self._raw.get(key)


@pytest.mark.parametrize("discard", [False, True], ids=["cancelled", "discarded"])
async def test_a_mining_whose_plan_is_too_large_can_be_ended(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, discard: bool
) -> None:
    """It ends like one whose plan is damaged."""
    begun = await stack.begin(user="jo")
    await stack.queue.send(stack.store(begun, *MAILBOX)[:1])
    monkeypatch.setattr(stack.pipeline.stored, "_raw", HugePlans(stack.ports.raw))

    if discard:
        await stack.ask("POST", f"/users/jo/minings/{begun.id}/cancel", {"discard": True})
        await stack.drain()
    else:
        await cancel_without_fetcher(stack, begun)

    ended = await stack.report(begun)
    assert (ended["state"], ended["balanced"]) == ("failed" if discard else "finished", True)


async def test_a_cancelled_mining_keeps_what_it_counted(stack: Stack) -> None:
    """Stored messages count. The others are skipped and in no watermark, so the next mining fetches them."""
    whole = await stack.mine(*MAILBOX, user="whole")
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    for job in jobs[1:]:
        (stack.root / segment_key(begun.id, job.segment)).unlink()
    await stack.queue.send(jobs[:1])

    await cancel_without_fetcher(stack, begun)
    cancelled = await stack.report(begun)
    rest = await stack.mine(*MAILBOX)

    assert cancelled["balanced"]
    assert cancelled["ledger"]["skipped"] == {"cancelled": LISTED - 5}
    assert cancelled["ledger"]["processed"] + (await stack.report(rest))["ledger"]["processed"] == DISTINCT
    assert (await stack.report(whole))["ledger"]["processed"] == DISTINCT
    occurrences = {contact["address"]: contact["occurrence"] for contact in await stack.contacts()}
    assert occurrences == {contact["address"]: contact["occurrence"] for contact in await stack.contacts("whole")}


async def test_erasing_a_user_in_mid_mining_brings_nothing_back(stack: Stack) -> None:
    """An erased user's jobs in flight write nothing on either side."""
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    await stack.work(jobs[0].encode())

    receipt = await stack.ask("POST", "/users/jo/erase", {"address": None})
    for job in jobs:
        await stack.pipeline.handle(job.encode())
    await stack.sweeper.sweep()

    assert receipt.status == 200
    assert await stack.contacts() == []
    assert {table: await stack.rows(table) for table in ("minings", "messages", "points", "users")} == {
        "minings": 0,
        "messages": 0,
        "points": 0,
        "users": 0,
    }
    assert not any(path.is_file() for path in stack.root.rglob("*"))


async def test_a_raw_store_that_is_away_is_no_try(stack: Stack, tmp_path: Path) -> None:
    """An outage of the raw store is not a try: the segment counts once the store is back."""
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    await stack.fetched(begun)
    stack.root.rename(tmp_path / "away")
    stack.root.write_text("a file where the folder was")

    for _ in range(5):
        with pytest.raises(Unavailable):
            await stack.pipeline.handle(jobs[0].encode())
    stack.root.unlink()
    (tmp_path / "away").rename(stack.root)
    await stack.queue.send(jobs)
    await stack.drain()

    assert (await stack.report(begun))["ledger"]["dead"] == {}


async def test_two_processors_share_one_queue(database: str, redis_url: str, tmp_path: Path) -> None:
    """Two processors on the same servers share the jobs and finish the mining."""
    async with (
        open_stack(database, redis_url, tmp_path / "raw", consumer="one") as one,
        open_stack(database, redis_url, tmp_path / "raw", consumer="two") as two,
    ):
        begun = await one.begin()
        await one.queue.send(one.store(begun, *MAILBOX))
        await one.fetched(begun)
        for stack in (one, two, one, two):
            await stack.drain()

        assert (await two.report(begun))["ledger"]["processed"] == DISTINCT


async def test_a_database_that_was_tampered_with_kills_no_segment(stack: Stack) -> None:
    """An error in our own database is not a segment's failure: it is raised, and the mail counts later."""
    begun = await stack.begin()
    jobs = stack.store(begun, *MAILBOX)
    async with stack.ports.minings._store._pool.connection() as connection:  # type: ignore[attr-defined]
        await connection.execute("ALTER TABLE points RENAME TO elsewhere")

        for _ in range(5):
            with pytest.raises(Exception, match="points"):
                await stack.pipeline.handle(jobs[0].encode())
        await connection.execute("ALTER TABLE elsewhere RENAME TO points")
    await stack.queue.send(jobs)
    await stack.fetched(begun)
    await stack.drain()

    assert (await stack.report(begun))["ledger"]["dead"] == {}
