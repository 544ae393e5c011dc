"""Looks for stalled minings. Queues can lose or delay jobs, but the tables and the raw store show what is missing."""

from processor.jobs.pipeline import Pipeline, Ports
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import Conflict, NotFound, RawStore, Unavailable
from schemas.ledger import Skipped
from schemas.segments import is_mining

LEASE_SECONDS = 10.0
"""A fetcher renews its lease every 2 seconds. After five missed renewals another can take over; nothing is lost."""


class Sweeper:
    """Moves stalled minings on. It is safe to run anywhere, at any time, and several times at once."""

    def __init__(self, ports: Ports, pipeline: Pipeline, *, still_seconds: float, silent_seconds: float) -> None:
        """Leave minings alone that changed within `still_seconds`; end those with no fetcher for `silent_seconds`."""
        self._raw: RawStore = ports.raw
        self._minings: Minings = ports.minings
        self._pipeline = pipeline
        self._still_seconds = still_seconds
        self._silent_seconds = silent_seconds

    async def sweep(self) -> None:
        """Check every mining once, and delete objects that belong to no mining.

        An unexpected error in one mining does not hold up the others: it is raised after all have been checked.
        Unavailable is raised at once.
        """
        stored = await self._minings_in_store()
        known = await self._minings.ids()
        for mining in sorted(stored - set(known)):
            await self._pipeline.delete_objects(mining)
        failed: Exception | None = None
        for mining in known:
            try:
                await self._look_at(await self._minings.find(mining))
            except (NotFound, Conflict):
                continue
            except Unavailable:
                raise
            except Exception as error:
                failed = error
        if failed is not None:
            raise failed

    async def _minings_in_store(self) -> set[str]:
        # List the store before reading the tables: a mining begins before it stores its first object.
        names = {key.partition("/")[0] async for key in self._raw.list("")}
        # If the store is shared by mistake, nobody must lose a file.
        return {name for name in names if is_mining(name)}

    async def _look_at(self, mining: Mining) -> None:
        if mining.state == "fetching":
            silent = mining.silent_seconds
            if mining.cancelled and silent > LEASE_SECONDS:
                await self._pipeline.end_fetching(mining, reason=Skipped.CANCELLED)
            elif silent > self._silent_seconds:
                await self._pipeline.end_fetching(mining, reason=Skipped.SILENT)
            return
        totals = await self._minings.segment_totals(mining)
        still = totals["still_seconds"]
        if still is not None and still < self._still_seconds:
            return
        if mining.state == "processing" and await self._pipeline.resend(mining):
            return
        await self._pipeline.advance(mining)
