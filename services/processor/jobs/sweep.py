"""Looks for stalled minings. Queues can lose or delay jobs, but the tables and the raw store show what is missing."""

from processor.jobs.pipeline import Pipeline
from processor.jobs.resending import each_mining
from processor.jobs.tools import Ports
from processor.minings.mining import Mining
from schemas.ledger import Skipped
from schemas.segments import is_mining

LEASE_SECONDS = 60.0
"""A fetcher renews its lease every 20 seconds. After three missed renewals another can take over; nothing is lost."""


class Sweeper:
    """Moves stalled minings on. It is safe to run anywhere, at any time, and several times at once."""

    def __init__(self, ports: Ports, pipeline: Pipeline, *, silent_seconds: float) -> None:
        """End minings with no fetcher for `silent_seconds`."""
        self._raw = ports.raw
        self._minings = ports.minings
        self._pipeline = pipeline
        self._silent_seconds = silent_seconds

    async def sweep(self) -> None:
        """Delete objects that belong to no mining, end what lost its fetcher, and look for minings that stand still.

        An unexpected error in one mining does not hold up the others: it is raised after all have been checked.
        Unavailable is raised at once.
        """
        stored = await self._minings_in_store()
        known = await self._minings.ids()
        for mining in sorted(stored - set(known)):
            await self._pipeline.stored.delete(mining)
        await self._pipeline.resending.send_echo()
        silent = await self._minings.stalls.silent(lease_seconds=LEASE_SECONDS, silent_seconds=self._silent_seconds)
        await each_mining(self._minings, silent, self._end_fetching)

    async def _minings_in_store(self) -> set[str]:
        # List the store before reading the tables: a mining begins before it stores its first object.
        names = {key.partition("/")[0] async for key in self._raw.list("")}
        # If the store is shared by mistake, nobody must lose a file.
        return {name for name in names if is_mining(name)}

    async def _end_fetching(self, mining: Mining) -> None:
        await self._pipeline.end_fetching(mining, reason=Skipped.CANCELLED if mining.cancelled else Skipped.SILENT)
