"""Chunks of a mining become permanent contacts: read, refined, stored in parts, and applied, each part once."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from processor.domain.refine import cut_parts, refine
from processor.mining import Mining
from processor.minings import Minings
from processor.ports import ContactStore
from schemas.jobs import Job, JobKind
from schemas.ledger import Verdict
from schemas.limits import MAX_ROW_BYTES

REFINE_CHUNKS = 4
"""Chunks a refine job, done one after the other: on Cloudflare each job is three operations of a queue."""

Parts = list[tuple[int, str]]
"""A chunk's contacts as they are stored: number and JSON text of each part."""


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

        While the permanent side merges one chunk, the next is read and computed.
        """
        applying: asyncio.Task[bool] | None = None
        try:
            for chunk in await self._minings.chunks_to_refine(mining):
                if chunk in chunks:
                    parts, totals = await self._keep(mining, chunk)
                    if applying is not None and not await applying:
                        return False
                    applying = asyncio.create_task(self._apply(mining, chunk, parts, totals))
            return applying is None or await applying
        finally:
            if applying is not None and not applying.done():
                applying.cancel()
                await asyncio.wait([applying])

    async def _keep(self, mining: Mining, chunk: int) -> tuple[Parts, Counter[str]]:
        """Store a chunk's contacts; return the parts that are stored, and its addresses by verdict."""
        persons = refine(await self._minings.points(mining, chunk))
        contacts = [person.contact() for person in persons if person.verdict is Verdict.CONTACT]
        totals = Counter(str(person.verdict) for person in persons)
        del persons
        parts = cut_parts(contacts, max_bytes=MAX_ROW_BYTES)
        del contacts
        return await self._minings.keep_persons(mining, chunk, parts), totals

    async def _apply(self, mining: Mining, chunk: int, parts: Parts, totals: Counter[str]) -> bool:
        """Apply the parts of a chunk; False where the mining is closed on the permanent side."""
        for part, text in parts:
            answer = await self._contacts.call(
                "apply_refined_chunk", mining=mining.id, chunk=chunk, part=part, contacts=text
            )
            if not answer["open"]:
                return False
        await self._minings.finish_chunk(mining, chunk, totals)
        return True
