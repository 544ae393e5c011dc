"""The steps of a job, using only the ports: counting segments, refining chunks, closing minings.

Jobs arrive at least once and in any order. Every step is idempotent, and the database guards every write that must not
happen twice. `Unavailable` passes through: the job waits, and this does not count as a try.
"""

import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from processor.domain.contacts.packing import pack
from processor.jobs.reading import SegmentFailed, read_segment
from processor.jobs.refining import Refiner, refine_jobs
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import (
    Compute,
    Conflict,
    ContactStore,
    JobQueue,
    LimitExceeded,
    NotFound,
    RawStore,
    compute_here,
)
from schemas.jobs import BadJob, Job, JobKind
from schemas.ledger import Dead, Ledger, Skipped
from schemas.limits import MAX_ROW_BYTES
from schemas.segments import Plan, Segment, UnreadableSegment, plan_key, segment_key

MAX_TRIES = 3
"""Failures of the segment itself after which it is dead."""
MAX_CRASHES = 20
"""Deliveries without a verdict after which a segment is dead, because it kills its processor."""
LATER_STATES = {JobKind.SEGMENT: ("refining", "teardown"), JobKind.REFINE: ("teardown",), JobKind.TEARDOWN: ()}
"""The states in which a mining no longer waits for a job of this kind."""
DELETE_OBJECTS = 1000
"""Objects per deletion, the limit of one call of R2's multi-delete (S3 DeleteObjects, 2026)."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The adapters that the pipeline uses."""

    raw: RawStore
    minings: Minings
    contacts: ContactStore
    queue: JobQueue
    compute: Compute = compute_here


class Pipeline:
    """Carries minings from stored segments to permanent contacts."""

    def __init__(self, ports: Ports) -> None:
        self._raw = ports.raw
        self._minings = ports.minings
        self._contacts = ports.contacts
        self._queue = ports.queue
        self._compute = ports.compute
        self._refiner = Refiner(ports.minings, ports.contacts, ports.compute)

    async def handle(self, text: str, *, deliveries: int = 1, again: bool = False) -> None:
        """Run one job; it is settled when this returns.

        Raises Unavailable (wait, then try again) or Conflict (try again). With `again`, or more than one delivery, the
        job was started before. That run may have moved the mining to the next state without sending that state's jobs.
        """
        try:
            job = Job.decode(text)
        except BadJob:
            await self._queue.bury(text, reason=Dead.UNREADABLE)
            return
        try:
            mining = await self._minings.find(job.mining)
        except NotFound:
            return
        if (again or deliveries > 1) and mining.state in LATER_STATES[job.kind]:
            await self.advance(mining)
        elif job.kind is JobKind.SEGMENT:
            await self._handle_segment(mining, job, crashed=deliveries >= MAX_CRASHES)
        elif job.kind is JobKind.REFINE:
            await self._refine(mining, range(job.chunk, job.chunk + job.chunks))
        else:
            await self._tear_down(mining)

    async def advance(self, mining: Mining) -> None:
        """Move a mining as far as it can go now, and send the jobs that its state waits for."""
        if mining.state == "processing" and await self._minings.start_refining(mining):
            mining = await self._minings.find(mining.id)
        if mining.state == "refining":
            chunks = await self._minings.chunks_to_refine(mining)
            await self._queue.send(refine_jobs(mining.id, chunks))
            if not chunks:
                await self._close(mining)
        elif mining.state == "teardown":
            await self._queue.send([Job(JobKind.TEARDOWN, mining.id)])

    async def _handle_segment(self, mining: Mining, job: Job, *, crashed: bool) -> None:
        if mining.state not in ("fetching", "processing"):
            return
        if not await self._minings.is_settled(mining, job.segment):
            try:
                if crashed:
                    await self._fail(mining, job, Dead.CRASHES, max_tries=1)
                else:
                    await self._count(mining, job.segment)
            except SegmentFailed as failure:
                await self._fail(mining, job, failure.reason, max_tries=MAX_TRIES)
        if await self._minings.start_refining(mining):
            await self.advance(await self._minings.find(mining.id))

    async def _count(self, mining: Mining, name: str) -> None:
        """Count a segment; raise SegmentFailed if the segment itself is at fault."""
        try:
            data = await self._raw.get(segment_key(mining.id, name))
            head, messages = await self._compute(lambda: read_segment(data, mining.settings))
            keys = sorted({message.key.hex() for message in messages})
            elsewhere = await self._minings.counted_elsewhere(mining, keys)
            mine = [message for message in messages if message.key.hex() not in elsewhere]
            points = await self._compute(lambda: pack(mine, chunks=mining.settings.chunks, max_bytes=MAX_ROW_BYTES))
            await self._minings.count_segment(
                mining,
                name=name,
                head=head,
                messages=mine,
                points=points,
                unread_fields=sum(message.unread_fields for message in messages),
            )
        except NotFound as error:
            raise SegmentFailed(Dead.UNREADABLE) from error
        except LimitExceeded as error:
            raise SegmentFailed(Dead.LIMIT) from error

    async def _fail(self, mining: Mining, job: Job, reason: str, *, max_tries: int) -> None:
        messages = await self._messages_of(mining, job)
        state = await self._minings.fail_segment(
            mining, name=job.segment, reason=reason, messages=messages, max_tries=max_tries
        )
        if state == "dead":
            await self._queue.bury(job.encode(), reason=reason)
        elif state == "waiting":
            raise Conflict(f"a segment failed: {reason}")

    async def _messages_of(self, mining: Mining, job: Job) -> int:
        try:
            head, _ = Segment.decode(await self._raw.get(segment_key(mining.id, job.segment)))
        except (UnreadableSegment, NotFound, LimitExceeded):
            return job.messages
        return len(head.messages)

    async def _refine(self, mining: Mining, chunks: range) -> None:
        if mining.state != "refining":
            return
        if await self._refiner.refine(mining, chunks):
            await self._close(mining)
        else:
            await self.erase(mining)

    async def _close(self, mining: Mining) -> None:
        if await self._minings.chunks_to_refine(mining):
            return
        closing = {"ledger": (await self.ledger(mining)).to_json(), "receipt": await self._receipt(mining)}
        try:
            await self._minings.start_teardown(mining, closing)
        except Conflict:
            return
        await self._queue.send([Job(JobKind.TEARDOWN, mining.id)])

    async def ledger(self, mining: Mining) -> Ledger:
        """Return the current ledger of an unfinished mining."""
        totals = await self._minings.segment_totals(mining)
        contacts: Counter[str] = Counter()
        for chunk in await self._minings.chunk_totals(mining):
            contacts.update(chunk)
        ledger = Ledger(
            listed=mining.listed or 0,
            fetched=totals["messages"],
            skipped=dict(mining.skipped),
            failed=dict(mining.failed),
            processed=totals["processed"],
            duplicate=totals["duplicate"],
            dead=await self._minings.dead_messages(mining),
            unparsable=totals["unparsable"],
            cut=totals["cut"],
            unread_fields=totals["unread_fields"],
            contacts=dict(sorted(contacts.items())),
            folders_failed=dict(mining.folders_failed),
        )
        if mining.ended_by:
            left = ledger.listed - ledger.fetched - sum(ledger.skipped.values()) - sum(ledger.failed.values())
            if left > 0:
                ledger.skipped[mining.ended_by] = left
        return ledger

    async def _receipt(self, mining: Mining) -> dict[str, Any]:
        keys = sorted([key async for key in self._raw.list(f"{mining.id}/")])
        rows = await self._minings.temporary_rows(mining)
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        return {"objects": len(keys), "keys": digest, **rows}

    async def _tear_down(self, mining: Mining) -> None:
        if mining.state != "teardown" or mining.closing is None:
            return
        await self.delete_objects(mining.id)
        await self._minings.delete_rows(mining)
        await self._contacts.call("finish_mining", mining=mining.id, **mining.closing)
        await self._minings.delete(mining)

    async def delete_objects(self, mining: str) -> None:
        """Delete a mining's objects and list them again until none is left."""
        while True:
            keys: list[str] = []
            async for key in self._raw.list(f"{mining}/"):
                keys.append(key)
                if len(keys) == DELETE_OBJECTS:
                    break
            await self._raw.delete(keys or [plan_key(mining)])  # this also deletes a killed fetcher's unfinished files
            if not keys:
                return

    async def erase(self, mining: Mining) -> None:
        """Delete an erased mining and everything that it wrote. Its rows go first, because they guard every write."""
        await self._minings.erase(mining)
        await self.delete_objects(mining.id)

    async def end_fetching(self, mining: Mining, *, reason: Skipped) -> None:
        """End a mining whose fetcher is gone: stored messages count, the others are skipped for the reason given."""
        await self.fix_segments(mining, lease=mining.lease, skipped={}, failed={}, ended_by=reason)
        mining = await self._minings.find(mining.id)
        await self.resend(mining)  # the fetcher may have died between storing and sending
        await self.advance(mining)

    async def fix_segments(
        self, mining: Mining, *, lease: int, skipped: dict[str, int], failed: dict[str, int], ended_by: str = ""
    ) -> None:
        """End the fetching under a lease. The segments sent are those that the raw store lists.

        If the plan is damaged, only the messages in these segments are known to have been listed.
        """
        segments = [name async for name in self.stored_segments(mining)]
        plan = await self._plan(mining)
        known = Plan() if plan is None else plan
        jobs = [Job(JobKind.SEGMENT, mining.id, segment=name) for name in segments if plan is None]
        await self._minings.end_fetching(
            mining,
            lease=lease,
            listed=known.listed + sum([await self._messages_of(mining, job) for job in jobs]),
            folders_failed={folder.digest: folder.failed for folder in known.folders if folder.failed},
            skipped=skipped,
            failed=failed,
            segments=segments,
            ended_by=ended_by,
        )

    async def _plan(self, mining: Mining) -> Plan | None:
        """Return the plan, an empty one if the fetcher has not written it yet, or None if it is damaged."""
        try:
            data = await self._raw.get(plan_key(mining.id))
            return await self._compute(lambda: Plan.decode(data))
        except NotFound:
            return Plan()
        except UnreadableSegment:
            return None

    async def stored_segments(self, mining: Mining) -> AsyncIterator[str]:
        """Yield the names of a mining's segments in the raw store."""
        async for key in self._raw.list(f"{mining.id}/"):
            if key != plan_key(mining.id):
                yield key.removeprefix(f"{mining.id}/")

    async def resend(self, mining: Mining) -> int:
        """Send the jobs of the stored segments without a verdict again; return how many."""
        if mining.state == "processing":
            names = await self._minings.waiting(mining)
        else:
            settled = await self._minings.settled(mining)
            names = [name async for name in self.stored_segments(mining) if name not in settled]
        await self._queue.send(await self._segment_jobs(mining, names))
        return len(names)

    async def _segment_jobs(self, mining: Mining, names: Sequence[str]) -> list[Job]:
        plan = await self._plan(mining) or Plan()
        planned = {
            folder.segment_name(segment): len(segment.uids) for folder in plan.folders for segment in folder.segments
        }
        return [Job(JobKind.SEGMENT, mining.id, segment=name, messages=planned.get(name, 0)) for name in names]
