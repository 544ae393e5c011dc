"""Jobs over a Cloudflare Queue, through the Worker's binding. Message bodies are the text of `Job.encode`."""

from collections.abc import Sequence
from typing import Any

from processor.adapters.cloudflare.events import log_event
from processor.ports import Unavailable
from schemas.jobs import BadJob, Job
from schemas.limits import QUEUE_BATCH_MESSAGES


class CloudflareJobQueue:
    """`JobQueue` on a queue's producer binding."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue

    async def send(self, jobs: Sequence[Job]) -> None:
        """Queue these jobs, 100 per call. A job is smaller than 1 KB, so no call exceeds 256 KB."""
        try:
            for first in range(0, len(jobs), QUEUE_BATCH_MESSAGES):
                batch = jobs[first : first + QUEUE_BATCH_MESSAGES]
                await self._queue.sendBatch([{"body": job.encode(), "contentType": "text"} for job in batch])
        except Exception as error:
            raise Unavailable("the queue does not answer") from error

    async def send_again(self, job: str, *, delay_seconds: int) -> None:
        """Queue the text of a job as a new message, to be delivered after the delay."""
        try:
            await self._queue.send(job, {"contentType": "text", "delaySeconds": delay_seconds})
        except Exception as error:
            raise Unavailable("the queue does not answer") from error

    async def bury(self, job: str, *, reason: str) -> None:
        """Log that a job was given up. The ledger records it already, and nobody else reads the dead-letter queue."""
        try:
            dead = Job.decode(job)
        except BadJob:
            log_event("job given up", reason=reason, characters=len(job))
        else:
            log_event("job given up", reason=reason, kind=dead.kind, mining=dead.mining, segment=dead.segment)
