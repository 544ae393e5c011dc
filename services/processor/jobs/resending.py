"""Sends the jobs that minings wait for, and sends them again if a queue lost them, without ever filling the queue.

A job that is late is not lost: it may wait behind a hundred thousand others, or for a database. So the sweep sends an
echo through the queue. Whatever was sent before the echo has been delivered when it arrives. Minings that are still
without progress by then begin a new round: their jobs are sent again, and those of earlier rounds are void.
"""

from collections.abc import Awaitable, Callable, Iterable

from processor.jobs.ending import Ending
from processor.jobs.refining import refine_jobs
from processor.jobs.stored import Stored
from processor.jobs.tools import Ports
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import Conflict, NotFound, Unavailable
from schemas.jobs import Job, JobKind


class Resending:
    """Keeps minings moving. In the queue are never more than twice the jobs that minings wait for, besides echoes."""

    def __init__(self, ports: Ports, stored: Stored, ending: Ending, *, still_seconds: float) -> None:
        """Leave minings alone that made progress within `still_seconds`."""
        self._minings = ports.minings
        self._queue = ports.queue
        self._stored = stored
        self._ending = ending
        self._still_seconds = still_seconds

    async def move(self, mining: Mining) -> None:
        """Move on to refining if every segment has its verdict, and send the jobs for that."""
        if await self._minings.start_refining(mining):
            await self._send(await self._minings.find(mining.id))

    async def resend(self, mining: Mining) -> None:
        """Send the jobs that the mining waits for again, in a new round, unless another call was first."""
        recorded = await self._minings.stalls.record_resend(mining)
        if recorded is None:
            return
        if await self._minings.start_refining(recorded):
            recorded = await self._minings.find(mining.id)
        try:
            await self._send(recorded)
        except Unavailable:
            await self._minings.stalls.take_back_resend(recorded)  # so that the job in hand can try again
            raise

    async def resend_first(self, mining: Mining) -> None:
        """Resend once in this state: whoever moved the mining to it may have died before sending its jobs."""
        if mining.resends == 0:
            await self.resend(mining)

    async def _send(self, mining: Mining) -> None:
        if mining.state == "processing":
            await self._queue.send(await self._stored.jobs(mining, await self._minings.waiting(mining)))
        elif mining.state == "refining":
            chunks = await self._minings.chunks_to_refine(mining)
            await self._queue.send(refine_jobs(mining.id, chunks, in_round=mining.round))
            if not chunks:
                await self._ending.close(mining)
        elif mining.state in ("teardown", "failing"):
            await self._queue.send([Job(JobKind.TEARDOWN, mining.id, round=mining.round)])

    async def send_echo(self) -> None:
        """Send an echo if a mining makes no progress, unless one is on its way."""
        stalls = self._minings.stalls
        if await stalls.stalled(still_seconds=self._still_seconds):
            sent = await stalls.send_echo(still_seconds=self._still_seconds)
            if sent is not None:
                await self._queue.send([Job(JobKind.ECHO, sent=sent)])

    async def answer_echo(self, sent: float) -> None:
        """Resend for the minings that are still without progress, now that everything sent before has arrived."""
        stalls = self._minings.stalls
        await stalls.hear_echo(sent)
        stalled = await stalls.stalled(still_seconds=self._still_seconds, sent=sent)
        await each_mining(self._minings, stalled, self.resend)


async def each_mining(minings: Minings, ids: Iterable[str], act: Callable[[Mining], Awaitable[None]]) -> None:
    """Act on each mining that is still there. An unexpected error in one of them is raised after all the others.

    Unavailable is raised at once.
    """
    failed: Exception | None = None
    for mining in ids:
        try:
            await act(await minings.find(mining))
        except (NotFound, Conflict):
            continue
        except Unavailable:
            raise
        except Exception as error:
            failed = error
    if failed is not None:
        raise failed
