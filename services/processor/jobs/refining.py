"""Turns a mining's chunks into permanent contacts: reads, refines, stores and applies them, each part once."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from functools import partial

from processor.domain.contacts.packing import unite
from processor.domain.contacts.refine import Contact, cut_parts, refine_united
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import Compute, ContactStore
from schemas.jobs import Job, JobKind
from schemas.ledger import Verdict
from schemas.limits import MAX_ROW_BYTES

REFINE_CHUNKS = 4
"""Chunks per refine job, one after the other: on Cloudflare each job costs three queue operations."""

TURN_PERSONS = 20
"""Persons after which other tasks of this thread get a turn, about every quarter of a millisecond: database answers
and API requests wait for it."""
AHEAD = 2
"""Chunks that are stored and applied while the next one is computed: one for each of the two databases."""


def refine_jobs(mining: str, chunks: Sequence[int], *, in_round: int = 0) -> list[Job]:
    """Return the jobs for these ascending chunks, REFINE_CHUNKS per job. Chunks between them need no refining."""
    groups = [chunks[at : at + REFINE_CHUNKS] for at in range(0, len(chunks), REFINE_CHUNKS)]
    return [
        Job(JobKind.REFINE, mining, chunk=group[0], chunks=group[-1] - group[0] + 1, round=in_round) for group in groups
    ]


class Refiner:
    """Refines chunks of minings in the state `refining`. Every step can be repeated."""

    def __init__(self, minings: Minings, contacts: ContactStore, compute: Compute) -> None:
        self._minings = minings
        self._contacts = contacts
        self._compute = compute

    async def refine(self, mining: Mining, chunks: range) -> bool:
        """Refine those of these chunks that are left; return False if the mining has been erased in the meantime.

        The next chunk is read and computed while the databases store up to AHEAD others.
        """
        storing: deque[asyncio.Task[bool]] = deque()
        try:
            for chunk in await self._minings.chunks_to_refine(mining):
                if chunk in chunks:
                    parts, totals = await self._refine_chunk(mining, chunk)
                    if len(storing) == AHEAD and not await storing.popleft():
                        return False
                    storing.append(asyncio.create_task(self._store(mining, chunk, parts, totals)))
            return all([await task for task in storing])
        finally:
            for task in storing:
                task.cancel()
            await asyncio.gather(*storing, return_exceptions=True)

    async def _refine_chunk(self, mining: Mining, chunk: int) -> tuple[list[str], Counter[str]]:
        """Return a chunk's contacts in parts, and its addresses by verdict."""
        contacts: list[Contact] = []
        totals: Counter[str] = Counter()
        rows = await self._minings.points(mining, chunk)
        united = await self._compute(partial(unite, rows))
        for number, person in enumerate(refine_united(united)):
            totals[str(person.verdict)] += 1
            if person.verdict is Verdict.CONTACT:
                contacts.append(person.contact())
            if number % TURN_PERSONS == 0:
                await asyncio.sleep(0)
        return await self._compute(partial(cut_parts, contacts, max_bytes=MAX_ROW_BYTES)), totals

    async def _store(self, mining: Mining, chunk: int, parts: list[str], totals: Counter[str]) -> bool:
        """Store a chunk's parts and apply what is stored; return False if the permanent side has closed the mining.

        If another delivery stored the parts first, they stay, and both deliveries apply them.
        """
        for part, text in await self._minings.keep_persons(mining, chunk, parts):
            answer = await self._contacts.call(
                "apply_refined_chunk", mining=mining.id, chunk=chunk, part=part, contacts=text
            )
            if not answer["open"]:
                return False
        await self._minings.finish_chunk(mining, chunk, totals)
        return True
