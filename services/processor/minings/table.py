"""Typed operations on the temporary tables, using only the port."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from processor.domain.facts import Message
from processor.minings.mining import Mining, Renewed, dump
from processor.minings.stalls import Stalls
from processor.ports import Conflict, MiningStore, NotFound, Row, Statement
from schemas.minings import Settings
from schemas.segments import Segment
from schemas.uids import UidRanges

POINTS_PAGE_ROWS = 100
"""Rows of packed points to read at once: a few MB at most, and one round trip for an ordinary chunk."""
MAX_UNFINISHED = 20
"""Unfinished minings of one user: more than a person has mailboxes, and few enough for a database to carry."""


class Minings:
    """The unfinished minings. Each change is one statement or one atomic batch."""

    def __init__(self, store: MiningStore) -> None:
        self._store = store
        self.stalls = Stalls(store)

    @property
    def are_crowded(self) -> bool:
        """Whether the tables are so full, as of the latest statement, that nothing new may begin."""
        return self._store.is_crowded

    async def find(self, mining: str) -> Mining:
        """Return an unfinished mining by its id; raise NotFound."""
        rows = await self._store.query("mining", mining=mining)
        if not rows:
            raise NotFound("there is no such unfinished mining")
        return Mining.from_row(rows[0])

    async def find_source(self, user: str, source: str) -> Mining:
        """Return the unfinished mining of a user's source; raise NotFound."""
        rows = await self._store.query("mining_of_source", user=user, source=source)
        if not rows:
            raise NotFound("this source has no unfinished mining")
        return await self.find(rows[0]["mining"])

    async def ids(self, user: str | None = None) -> list[str]:
        """Return the ids of the unfinished minings, of one user (newest first) or of all users."""
        rows = await (self._store.query("minings") if user is None else self._store.query("minings_of_user", user=user))
        return [row["mining"] for row in rows]

    async def begin(self, mining: str, *, user: str, source: str, settings: Settings, holder: str) -> None:
        """Add a new mining. If its source or id already has one, or the user has too many, nothing changes."""
        begun = {
            "mining": mining,
            "user": user,
            "source": source,
            "settings": dump(settings.to_json()),
            "holder": holder,
            "most": MAX_UNFINISHED,
        }
        await self._store.batch([Statement("add_user", {"user": user}), Statement("begin", begun)])

    async def watermarks(self, mining: Mining) -> dict[str, tuple[int, UidRanges]]:
        """Return the (UIDVALIDITY, UIDs) counted before from this mining's source, by folder digest."""
        rows = await self._store.query("watermarks", user_no=mining.user_number, source=mining.source)
        return {row["folder"]: (row["uidvalidity"], UidRanges.parse(row["uids"])) for row in rows}

    async def take_lease(self, mining: Mining, *, holder: str, lease_seconds: float) -> int | None:
        """Return the next lease for this fetcher, or None while another fetcher's lease is alive."""
        rows = await self._store.query(
            "take_lease", mining_no=mining.number, holder=holder, lease_seconds=lease_seconds
        )
        return int(rows[0]["lease"]) if rows else None

    async def renew_lease(self, mining: str, *, user: str, lease: int) -> Renewed | None:
        """Keep a lease alive and return how far its mining is; None if there is no mining of this user's under it."""
        rows = await self._store.query("renew_lease", mining=mining, user=user, lease=lease)
        return Renewed.from_row(rows[0]) if rows else None

    async def cancel(self, mining: Mining) -> None:
        """Ask the fetcher to stop. If the fetching has ended, nothing changes."""
        await self._store.query("cancel", mining_no=mining.number)

    async def end_fetching(
        self,
        mining: Mining,
        *,
        lease: int,
        listed: int,
        folders_failed: Mapping[str, str],
        skipped: Mapping[str, int],
        failed: Mapping[str, int],
        segments: Sequence[str],
        ended_by: str = "",
    ) -> None:
        """Record what was sent, under the fetcher's lease; raise Conflict if the lease is old or fetching has ended."""
        end = {
            "mining_no": mining.number,
            "lease": lease,
            "listed": listed,
            "skipped": dump(dict(skipped)),
            "failed": dump(dict(failed)),
            "folders_failed": dump(dict(folders_failed)),
            "ended_by": ended_by,
        }
        await self._store.batch(
            [
                Statement("end_fetching", end),
                Statement("await_segments", {"mining_no": mining.number, "names": list(segments)}),
            ]
        )

    async def counted_elsewhere(self, mining: Mining, keys: Sequence[str]) -> frozenset[str]:
        """Return those of these message keys (hex) that another mining of the user has counted."""
        rows = await self._store.query(
            "counted_elsewhere", user_no=mining.user_number, mining_no=mining.number, keys=list(keys)
        )
        return frozenset(row["key"].replace("-", "") for row in rows)

    async def count_segment(
        self,
        mining: Mining,
        *,
        name: str,
        head: Segment,
        messages: Iterable[Message],
        points: Mapping[int, Sequence[str]],
        unread_fields: int,
    ) -> None:
        """Write a segment's message keys, points of contact and ledger row, all or none.

        `messages` are those that no other mining has counted. Raises Conflict if the mining is no longer open, the
        segment already has its verdict, or another mining has counted one of the messages in the meantime.
        """
        unparsable = {message.key.hex(): message.unparsable for message in messages}
        keys = {"user_no": mining.user_number, "mining_no": mining.number, "keys": sorted(unparsable)}
        rows = [(chunk, part, facts) for chunk in sorted(points) for part, facts in enumerate(points[chunk])]
        counts = {
            "name": name,
            "unparsable": [unparsable[key] for key in sorted(unparsable)],
            "messages": len(head.messages),
            "cut": sum(message.truncated for message in head.messages),
            "unread_fields": unread_fields,
            "folder": head.folder,
            "uidvalidity": head.uidvalidity,
            "covers": str(head.covers),
        }
        facts = {
            "mining_no": mining.number,
            "name": name,
            "chunks": [row[0] for row in rows],
            "parts": [row[1] for row in rows],
            "facts": [row[2] for row in rows],
        }
        await self._store.batch(
            [
                Statement("guard_segment", {"mining_no": mining.number, "name": name}),
                Statement("count_segment", keys | counts),
                Statement("guard_messages", keys),
                Statement("write_points", facts),
            ]
        )

    async def fail_segment(self, mining: Mining, *, name: str, reason: str, messages: int, max_tries: int) -> str:
        """Record a failed try and return the segment's state: "waiting", "dead", or "settled" if it had a verdict."""
        rows = await self._store.query(
            "fail_segment", mining_no=mining.number, name=name, reason=reason, messages=messages, max_tries=max_tries
        )
        return str(rows[0]["state"]) if rows else "settled"

    async def is_settled(self, mining: Mining, name: str) -> bool:
        """Return whether a segment has its verdict, done or dead, or was not there when the fetching ended."""
        rows = await self._store.query("segment", mining_no=mining.number, name=name)
        return rows[0]["state"] != "waiting" if rows else mining.state != "fetching"

    async def settled(self, mining: Mining) -> frozenset[str]:
        """Return the names of the segments that are done or dead."""
        rows = await self._store.query("settled_segments", mining_no=mining.number)
        return frozenset(row["name"] for row in rows)

    async def waiting(self, mining: Mining) -> list[str]:
        """Return the names of the known segments without a verdict."""
        return [row["name"] for row in await self._store.query("waiting_segments", mining_no=mining.number)]

    async def revive(self, mining: Mining) -> list[tuple[str, int]]:
        """Set the dead segments to waiting, unless refining has begun; return their names and numbers of messages."""
        rows = await self._store.query("revive", mining_no=mining.number)
        return [(row["name"], row["messages"]) for row in rows]

    async def start_refining(self, mining: Mining) -> bool:
        """Move on to refining if every segment sent has its verdict; return True only from the call that did so."""
        return bool(await self._store.query("start_refining", mining_no=mining.number))

    async def chunks_to_refine(self, mining: Mining) -> list[int]:
        """Return the chunks that have points of contact and are not applied yet."""
        return [row["chunk"] for row in await self._store.query("chunks_to_refine", mining_no=mining.number)]

    async def points(self, mining: Mining, chunk: int) -> list[str]:
        """Return a chunk's packed points of contact, read in pages."""
        out: list[str] = []
        segment, part = "", -1
        while True:
            rows = await self._store.query(
                "points_page",
                mining_no=mining.number,
                chunk=chunk,
                after_segment=segment,
                after_part=part,
                page_size=POINTS_PAGE_ROWS,
            )
            out += (row["facts"] for row in rows)
            if len(rows) < POINTS_PAGE_ROWS:
                return out
            segment, part = rows[-1]["segment"], rows[-1]["part"]

    async def keep_persons(self, mining: Mining, chunk: int, parts: Sequence[str]) -> list[tuple[int, str]]:
        """Store a chunk's parts unless some are stored; return those stored. Raise Conflict if refining is over."""
        written = {
            "mining_no": mining.number,
            "chunk": chunk,
            "parts": list(range(len(parts))),
            "contacts": list(parts),
        }
        try:
            await self._store.batch(
                [Statement("guard_refining", {"mining_no": mining.number}), Statement("write_persons", written)]
            )
        except Conflict:
            rows = await self._store.query("persons", mining_no=mining.number, chunk=chunk)
            if not rows:
                raise
            return [(row["part"], row["contacts"]) for row in rows]
        return list(enumerate(parts))

    async def finish_chunk(self, mining: Mining, chunk: int, totals: Mapping[str, int]) -> None:
        """Record that all parts of a chunk are applied, and its number of addresses by verdict."""
        await self._store.query("finish_chunk", mining_no=mining.number, chunk=chunk, totals=dump(dict(totals)))

    async def chunk_totals(self, mining: Mining) -> list[dict[str, int]]:
        """Return the number of addresses by verdict, for each applied chunk."""
        return [json.loads(row["totals"]) for row in await self._store.query("chunk_totals", mining_no=mining.number)]

    async def segment_totals(self, mining: Mining) -> Row:
        """Return the numbers of waiting, done and dead segments, messages by column, and seconds since a change."""
        return (await self._store.query("segment_totals", mining_no=mining.number))[0]

    async def dead_messages(self, mining: Mining) -> dict[str, int]:
        """Return the number of messages in dead segments, by reason."""
        rows = await self._store.query("dead_messages", mining_no=mining.number)
        return {row["reason"]: row["messages"] for row in rows}

    async def temporary_rows(self, mining: Mining) -> dict[str, int]:
        """Return the number of rows that a teardown will remove, by table."""
        return dict((await self._store.query("temporary_rows", mining_no=mining.number))[0])

    async def start_teardown(self, mining: Mining, closing: Mapping[str, Any]) -> None:
        """Commit watermarks, ledger and receipt; raise Conflict if a chunk is not applied or another call was first."""
        marks = await self._new_watermarks(mining)
        written = {
            "user_no": mining.user_number,
            "source": mining.source,
            "folders": [folder for folder, _, _ in marks],
            "uidvalidities": [uidvalidity for _, uidvalidity, _ in marks],
            "uids": [str(uids) for _, _, uids in marks],
        }
        await self._store.batch(
            [
                Statement("start_teardown", {"mining_no": mining.number, "closing": dump(dict(closing))}),
                Statement("write_watermarks", written),
            ]
        )

    async def _new_watermarks(self, mining: Mining) -> list[tuple[str, int, UidRanges]]:
        before = await self.watermarks(mining)
        after: dict[str, tuple[int, UidRanges]] = {}
        for row in await self._store.query("covered", mining_no=mining.number):
            folder, uidvalidity, covers = row["folder"], row["uidvalidity"], UidRanges.parse(row["covers"])
            known, uids = after.get(folder) or before.get(folder, (uidvalidity, UidRanges()))
            after[folder] = (uidvalidity, uids | covers if known == uidvalidity else covers)
        return [(folder, uidvalidity, uids) for folder, (uidvalidity, uids) in sorted(after.items())]

    async def delete_rows(self, mining: Mining, *, with_keys: bool = False) -> None:
        """Delete the mining's temporary rows except its own, and with `with_keys` those of the messages it counted."""
        own = {"mining_no": mining.number}
        statements = [Statement(f"delete_{table}", own) for table in ("points", "persons", "chunks", "segments")]
        if with_keys:
            statements.append(Statement("delete_messages", own | {"user_no": mining.user_number}))
        await self._store.batch(statements)

    async def delete(self, mining: Mining) -> None:
        """Delete the mining's own row, which ends it."""
        await self._store.query("delete_mining", mining_no=mining.number)

    async def erase(self, mining: Mining) -> None:
        """Delete the mining and everything that it wrote, message keys included."""
        own = {"mining_no": mining.number}
        tables = ("points", "persons", "chunks", "segments", "mining")
        await self._store.batch(
            [
                Statement("close_for_erasure", own),
                Statement("delete_messages", own | {"user_no": mining.user_number}),
                *(Statement(f"delete_{table}", own) for table in tables),
            ]
        )

    async def erase_user(self, user: str) -> None:
        """Delete what a user's ended minings left: message keys, watermarks, and the user's number."""
        tables = ("user_messages", "user_watermarks", "user")
        await self._store.batch([Statement(f"delete_{table}", {"user": user}) for table in tables])
