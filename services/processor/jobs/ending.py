"""Ends minings: the account of what happened, the teardown, and the end of a mining that cannot go on."""

import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from processor.jobs.stored import Stored
from processor.jobs.tools import Ports
from processor.minings.mining import Mining
from processor.ports import Conflict, Unavailable
from schemas.jobs import Job, JobKind
from schemas.ledger import Dead, Ledger, Skipped


class Ending:
    """Takes a mining's account and deletes what was temporary. Every step can be repeated."""

    def __init__(self, ports: Ports, stored: Stored) -> None:
        self._minings = ports.minings
        self._contacts = ports.contacts
        self._queue = ports.queue
        self._alert = ports.alert
        self._stored = stored

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
        if mining.ended_by and (left := _unaccounted(ledger)) > 0:
            ledger.skipped[mining.ended_by] = left
        return ledger

    async def close(self, mining: Mining) -> None:
        """Start the teardown of a mining whose chunks are all applied."""
        if await self._minings.chunks_to_refine(mining):
            return
        closing = {"ledger": (await self.ledger(mining)).to_json(), "receipt": await self._receipt(mining)}
        try:
            await self._minings.start_teardown(mining, closing)
        except Conflict:
            return
        await self._send_teardown(mining)

    async def fail(self, mining: Mining, reason: Dead) -> None:
        """End a mining that cannot go on, or that nobody wants. Its source is free again.

        None of its messages counts in the ledger. Only the contacts of chunks that were applied before stay.
        """
        ledger = await self._ledger_of_failure(mining, reason)
        closing = {"ledger": ledger.to_json(), "receipt": await self._receipt(mining)}
        if await self._minings.stalls.start_failing(mining, closing):
            self._alert("mining failed", mining=mining.id, state=mining.state, reason=reason)
            await self._send_teardown(mining)

    async def _send_teardown(self, mining: Mining) -> None:
        """Send the job in the round that counts now. Since we read the mining, another call may have begun one."""
        now = await self._minings.find(mining.id)
        await self._queue.send([Job(JobKind.TEARDOWN, now.id, round=now.round)])

    async def _ledger_of_failure(self, mining: Mining, reason: Dead) -> Ledger:
        """Return a ledger in which all that was fetched is dead, because its message keys are deleted."""
        ledger = await self.ledger(mining)
        if mining.listed is None:
            plan = await self._stored.plan(mining)
            ledger.listed = max(plan.listed if plan else 0, ledger.fetched)
            if left := _unaccounted(ledger):
                ledger.skipped[Skipped.CANCELLED] = left
        ledger.fetched += _unaccounted(ledger)
        ledger.processed = ledger.duplicate = ledger.unparsable = 0
        ledger.contacts = {}
        lost = ledger.fetched - sum(ledger.dead.values())
        if lost:
            ledger.dead[reason] = ledger.dead.get(reason, 0) + lost
        return ledger

    async def _receipt(self, mining: Mining) -> dict[str, Any]:
        keys = await self._stored.keys(mining)
        rows = await self._minings.temporary_rows(mining)
        digest = hashlib.sha256("\n".join(keys).encode()).hexdigest()
        return {"objects": len(keys), "keys": digest, **rows}

    async def tear_down(self, mining: Mining) -> None:
        """Delete a mining's objects and rows, complete its permanent record, and end it.

        A failed mining is closed on the permanent side first, so that none of its parts is applied once its keys are
        gone.
        """
        if mining.closing is None:
            return
        if mining.state == "failing":
            await self._record(mining, "fail_mining")
            await self._stored.delete(mining.id)
            await self._minings.delete_rows(mining, with_keys=True)
        elif mining.state == "teardown":
            await self._stored.delete(mining.id)
            await self._minings.delete_rows(mining)
            await self._record(mining, "finish_mining")
        await self._minings.delete(mining)

    async def give_up_teardown(self, mining: Mining, reason: Dead) -> None:
        """End a mining whose teardown keeps failing, with whatever can be deleted. The sweep deletes its objects.

        What the mining counted stays counted, because its contacts are applied and its watermarks committed.
        """
        self._alert("teardown given up", mining=mining.id, reason=reason)
        steps: tuple[Callable[[], Awaitable[None]], ...] = (
            partial(self._record, mining, "fail_mining"),
            partial(self._stored.delete, mining.id),
            partial(self._minings.delete_rows, mining, with_keys=mining.state == "failing"),
        )
        for step in steps:
            try:
                await step()
            except Unavailable:
                raise
            except Exception as error:
                self._alert("teardown left something", mining=mining.id, error=type(error).__name__)
        await self._minings.delete(mining)

    async def _record(self, mining: Mining, function: str) -> None:
        await self._contacts.call(function, mining=mining.id, **(mining.closing or {}))

    async def erase(self, mining: Mining) -> None:
        """Delete an erased mining and everything that it wrote. Its rows go first, because they guard every write."""
        await self._minings.erase(mining)
        await self._stored.delete(mining.id)


def _unaccounted(ledger: Ledger) -> int:
    """Return how many listed messages were not fetched and have no other column."""
    return ledger.listed - ledger.fetched - sum(ledger.skipped.values()) - sum(ledger.failed.values())
