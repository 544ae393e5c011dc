"""Chunks of a mining become permanent contacts: read, refined, stored in parts, and applied, each part once."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

from processor.domain.contacts.refine import Contact, cut_parts, refine
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import ContactStore
from schemas.jobs import Job, JobKind
from schemas.ledger import Verdict
from schemas.limits import MAX_ROW_BYTES

REFINE_CHUNKS = 4
"""Chunks a refine job, done one after the other: on Cloudflare each job is three operations of a queue."""

TURN_PERSONS = 20
"""Persons after which all others that wait for this thread have a turn, about each quarter of a millisecond: the
answers of databases, and callers of the API."""
AHEAD = 2
"""Chunks that are stored and applied while the next is computed: one for each of the two databases."""


def refine_jobs(mining: str, chunks: Sequence[int]) -> list[Job]:
    """Return the jobs for these chunks, ascending, REFINE_CHUNKS a job; what lies between them needs no refining."""
    groups = [chunks[at : at + REFINE_CHUNKS] for at in range(0, len(chunks), REFINE_CHUNKS)]
    return [Job(JobKind.REFINE, mining, chunk=group[0], chunks=group[-1] - group[0] + 1) for group in groups]


class Refiner:
    """Refines chunks of minings that are in that state; each step may be done again."""

    def __init__(self, minings: Minings, contacts: ContactStore) -> None:
        self._minings = minings
        self._contacts = contacts

    async def refine(self, mining: Mining, chunks: range) -> bool:
        """Refine what is left of these chunks; False where the mining was erased meanwhile.

        While the databases take up to AHEAD chunks, the next one is read and computed.
        """
        storing: deque[asyncio.Task[bool]] = deque()
        try:
            for chunk in await self._minings.chunks_to_refine(mining):
                if chunk in chunks:
                    parts, totals = await self._compute(mining, chunk)
                    if len(storing) == AHEAD and not await storing.popleft():
                        return False
                    storing.append(asyncio.create_task(self._store(mining, chunk, parts, totals)))
            return all([await task for task in storing])
        finally:
            for task in storing:
                task.cancel()
            await asyncio.gather(*storing, return_exceptions=True)

    async def _compute(self, mining: Mining, chunk: int) -> tuple[list[str], Counter[str]]:
        """Return a chunk's contacts in parts, and its addresses by verdict."""
        contacts: list[Contact] = []
        totals: Counter[str] = Counter()
        for number, person in enumerate(refine(await self._minings.points(mining, chunk))):
            totals[str(person.verdict)] += 1
            if person.verdict is Verdict.CONTACT:
                contacts.append(person.contact())
            if number % TURN_PERSONS == 0:
                await asyncio.sleep(0)
        return cut_parts(contacts, max_bytes=MAX_ROW_BYTES), totals

    async def _store(self, mining: Mining, chunk: int, parts: list[str], totals: Counter[str]) -> bool:
        """Store a chunk's parts and apply those that are stored; False where the permanent side has closed the mining.

        What another delivery has stored before stays, and is what both apply.
        """
        for part, text in await self._minings.keep_persons(mining, chunk, parts):
            answer = await self._contacts.call(
                "apply_refined_chunk", mining=mining.id, chunk=chunk, part=part, contacts=text
            )
            if not answer["open"]:
                return False
        await self._minings.finish_chunk(mining, chunk, totals)
        return True
