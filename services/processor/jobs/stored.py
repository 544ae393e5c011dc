"""What the raw store has of a mining: its plan and its segments."""

from collections.abc import AsyncIterator, Sequence

from processor.jobs.tools import Ports
from processor.minings.mining import Mining
from processor.ports import LimitExceeded, NotFound
from schemas.jobs import Job, JobKind
from schemas.segments import Plan, Segment, UnreadableSegment, plan_key, segment_key

DELETE_OBJECTS = 1000
"""Objects per deletion, the limit of one call of R2's multi-delete (S3 DeleteObjects, 2026)."""


class Stored:
    """Reads and deletes a mining's objects."""

    def __init__(self, ports: Ports) -> None:
        self._raw = ports.raw
        self._compute = ports.compute

    async def plan(self, mining: Mining) -> Plan | None:
        """Return the plan, an empty one if the fetcher has not written one, or None if it is damaged or too large."""
        try:
            data = await self._raw.get(plan_key(mining.id))
            return await self._compute(lambda: Plan.decode(data))
        except NotFound:
            return Plan()
        except (UnreadableSegment, LimitExceeded):
            return None

    async def segments(self, mining: Mining) -> AsyncIterator[str]:
        """Yield the names of a mining's segments."""
        async for key in self._raw.list(f"{mining.id}/"):
            if key != plan_key(mining.id):
                yield key.removeprefix(f"{mining.id}/")

    async def messages(self, job: Job) -> int:
        """Return the number of messages in a job's segment, or the job's own number if the segment is unreadable."""
        try:
            head, _ = Segment.decode(await self._raw.get(segment_key(job.mining, job.segment)))
        except (UnreadableSegment, NotFound, LimitExceeded):
            return job.messages
        return len(head.messages)

    async def jobs(self, mining: Mining, names: Sequence[str]) -> list[Job]:
        """Return the jobs of these segments, with the plan's numbers of messages."""
        plan = await self.plan(mining) or Plan()
        planned = {
            folder.segment_name(segment): len(segment.uids) for folder in plan.folders for segment in folder.segments
        }
        return [
            Job(JobKind.SEGMENT, mining.id, segment=name, messages=planned.get(name, 0), round=mining.round)
            for name in names
        ]

    async def keys(self, mining: Mining) -> list[str]:
        """Return the keys of all the mining's objects, in order."""
        return sorted([key async for key in self._raw.list(f"{mining.id}/")])

    async def delete(self, mining: str) -> None:
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
