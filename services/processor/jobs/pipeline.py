"""The steps of a job, using only the ports: counting segments, refining chunks, closing minings.

Jobs arrive at least once and in any order. Every step is idempotent, and the database guards every write that must not
happen twice. `Unavailable` passes through: the job waits, and this does not count as a try.
"""

from processor.domain.contacts.packing import pack
from processor.jobs.ending import Ending
from processor.jobs.reading import SegmentFailed, read_segment
from processor.jobs.refining import Refiner
from processor.jobs.resending import Resending
from processor.jobs.stored import Stored
from processor.jobs.tools import Ports
from processor.minings.mining import Mining
from processor.ports import Conflict, Full, LimitExceeded, NotFound, Unavailable
from schemas.jobs import BadJob, Job, JobKind
from schemas.ledger import Dead, Ledger, Skipped
from schemas.limits import MAX_ROW_BYTES
from schemas.segments import Plan, segment_key

MAX_TRIES = 3
"""Failures of the segment itself after which it is dead."""
MAX_CRASHES = 20
"""Deliveries without a verdict after which a job is given up, because it kills its processor."""
MAX_FAILURES = 20
"""Failures of a mining's jobs in one state, refining or teardown, after which the mining ends without it."""
LATER_STATES = {
    JobKind.SEGMENT: ("refining", "teardown", "failing"),
    JobKind.REFINE: ("teardown", "failing"),
    JobKind.TEARDOWN: (),
}
"""The states in which a mining no longer waits for a job of this kind."""


class Pipeline:
    """Carries minings from stored segments to permanent contacts."""

    def __init__(self, ports: Ports, *, still_seconds: float) -> None:
        """Take jobs for lost that brought their mining no progress within `still_seconds`."""
        self._raw = ports.raw
        self._minings = ports.minings
        self._contacts = ports.contacts
        self._queue = ports.queue
        self._compute = ports.compute
        self._refiner = Refiner(ports.minings, ports.contacts, ports.compute)
        self.stored = Stored(ports)
        self._ending = Ending(ports, self.stored)
        self.resending = Resending(ports, self.stored, self._ending, still_seconds=still_seconds)

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
        if job.kind is JobKind.ECHO:
            await self.resending.answer_echo(job.sent)
            return
        try:
            mining = await self._minings.find(job.mining)
        except NotFound:
            return
        if job.round < mining.round:
            return
        crashed = deliveries >= MAX_CRASHES
        if (again or deliveries > 1) and mining.state in LATER_STATES[job.kind]:
            await self.resending.resend_first(mining)
        elif job.kind is JobKind.SEGMENT:
            await self._handle_segment(mining, job, crashed=crashed)
        else:
            await self._work_to_the_end(mining, job, crashed=crashed)

    async def _handle_segment(self, mining: Mining, job: Job, *, crashed: bool) -> None:
        if mining.state not in ("fetching", "processing"):
            return
        if not await self._minings.is_settled(mining, job.segment):
            if mining.state == "fetching" and self._minings.are_crowded:
                raise Full("the temporary tables are nearly full, and this mining is still being fetched")
            try:
                if crashed:
                    await self._fail(mining, job, Dead.CRASHES, max_tries=1)
                else:
                    await self._count(mining, job.segment)
            except SegmentFailed as failure:
                await self._fail(mining, job, failure.reason, max_tries=MAX_TRIES)
        await self.resending.move(mining)

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
        messages = await self.stored.messages(job)
        state = await self._minings.fail_segment(
            mining, name=job.segment, reason=reason, messages=messages, max_tries=max_tries
        )
        if state == "dead":
            await self._queue.bury(job.encode(), reason=reason)
        elif state == "waiting":
            raise Conflict(f"a segment failed: {reason}")

    async def _work_to_the_end(self, mining: Mining, job: Job, *, crashed: bool) -> None:
        """Refine or tear down. If that has failed too often, the mining ends without it."""
        try:
            if crashed:
                await self._is_open(mining)  # a job that waits is no job that crashes
                await self._give_up(mining, job, Dead.CRASHES)
            elif job.kind is JobKind.REFINE:
                await self._refine(mining, range(job.chunk, job.chunk + job.chunks))
            else:
                await self._ending.tear_down(mining)
        except NotFound:
            return  # the mining has ended meanwhile
        except Unavailable:
            raise
        except Exception as error:
            if await self._minings.stalls.count_failure(mining) < MAX_FAILURES:
                raise
            await self._give_up(mining, job, Dead.LIMIT if isinstance(error, LimitExceeded) else Dead.ERROR)

    async def _give_up(self, mining: Mining, job: Job, reason: Dead) -> None:
        if job.kind is JobKind.REFINE and mining.state == "refining":
            await self._ending.fail(mining, reason)
        elif job.kind is JobKind.TEARDOWN and mining.state in ("teardown", "failing"):
            await self._ending.give_up_teardown(mining, reason)

    async def _refine(self, mining: Mining, chunks: range) -> None:
        if mining.state != "refining":
            return
        if await self._is_open(mining) and await self._refiner.refine(mining, chunks):
            await self._ending.close(mining)
        elif (await self._minings.find(mining.id)).state == "refining":
            await self._ending.erase(mining)  # not if others ended it after we had read it: what it counted stays

    async def _is_open(self, mining: Mining) -> bool:
        """Ask the permanent side, before anything is computed: while it is away, a waiting job must cost nothing."""
        record = await self._contacts.call("mining_record", user_id=mining.user, mining=mining.id)
        return bool(record) and record["state"] == "open"

    async def fail(self, mining: Mining, *, reason: Dead) -> None:
        """End a mining that is not in its teardown yet. Its messages are dead in its ledger, for this reason."""
        await self._ending.fail(mining, reason)

    async def ledger(self, mining: Mining) -> Ledger:
        """Return the current ledger of an unfinished mining."""
        return await self._ending.ledger(mining)

    async def erase(self, mining: Mining) -> None:
        """Delete a mining of an erased user, and everything that it wrote."""
        await self._ending.erase(mining)

    async def end_fetching(self, mining: Mining, *, reason: Skipped) -> None:
        """End a mining whose fetcher is gone: stored messages count, the others are skipped for the reason given."""
        await self.fix_segments(mining, lease=mining.lease, skipped={}, failed={}, ended_by=reason)
        # The fetcher may have died between storing and sending.
        await self.resending.resend(await self._minings.find(mining.id))

    async def fix_segments(
        self, mining: Mining, *, lease: int, skipped: dict[str, int], failed: dict[str, int], ended_by: str = ""
    ) -> None:
        """End the fetching under a lease. The segments sent are those that the raw store lists.

        If the plan is damaged, only the messages in these segments are known to have been listed.
        """
        segments = [name async for name in self.stored.segments(mining)]
        plan = await self.stored.plan(mining)
        known = Plan() if plan is None else plan
        jobs = [Job(JobKind.SEGMENT, mining.id, segment=name) for name in segments if plan is None]
        await self._minings.end_fetching(
            mining,
            lease=lease,
            listed=known.listed + sum([await self.stored.messages(job) for job in jobs]),
            folders_failed={folder.digest: folder.failed for folder in known.folders if folder.failed},
            skipped=skipped,
            failed=failed,
            segments=segments,
            ended_by=ended_by,
        )
