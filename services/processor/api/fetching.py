"""The fetcher's side of the API: begin under a lease, renew it, end the fetching, cancel, retry."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from processor.api.requests import Refused, read_begin, read_flag, read_lease, read_mining, read_reasons
from processor.jobs.pipeline import Pipeline
from processor.jobs.sweep import LEASE_SECONDS
from processor.jobs.tools import Ports
from processor.minings.mining import Mining, Renewed, digest_source
from processor.minings.table import MAX_UNFINISHED, Minings
from processor.ports import Conflict, ContactStore, JobQueue, NotFound
from schemas.jobs import Job, JobKind
from schemas.ledger import Dead, Skipped
from schemas.minings import Beginning, Begun, Settings, Watermark

FULL = "The temporary database is nearly full: try again once minings that are under way have ended."


class Fetching:
    """The calls that a fetcher can make for one user's minings."""

    def __init__(self, ports: Ports, pipeline: Pipeline) -> None:
        self._minings: Minings = ports.minings
        self._contacts: ContactStore = ports.contacts
        self._queue: JobQueue = ports.queue
        self._pipeline = pipeline

    async def begin(self, user: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        """Begin a mining, or return the source's unfinished one to resume, with its lease and watermarks."""
        asked = read_begin(fields)
        source = digest_source(asked.source)
        try:
            mining = await self._minings.find_source(user, source)
        except NotFound:
            await self._refuse_more(user)  # before the permanent side knows of it
            if self._minings.are_crowded:
                raise Refused("full", FULL) from None
            ended = await self._enter(user, source, asked)
            if ended is not None:
                return ended.to_json()
            mining = await self._find_begun(user, source)
        refuse_changes(asked, mining.settings)
        return (await self._lease(mining, asked)).to_json()

    async def _refuse_more(self, user: str) -> None:
        if len(await self._minings.ids(user)) >= MAX_UNFINISHED:
            raise Refused(
                "many",
                f"This user has {MAX_UNFINISHED} unfinished minings, and there can be no more: wait until one ends, or "
                "cancel one.",
            )

    async def _find_begun(self, user: str, source: str) -> Mining:
        try:
            return await self._minings.find_source(user, source)
        except NotFound:
            await self._refuse_more(user)  # others began at the same time
            raise

    async def _enter(self, user: str, source: str, asked: Beginning) -> Begun | None:
        as_of = asked.as_of or datetime.now(UTC).date().isoformat()
        record = await self._contacts.call(
            "begin_mining",
            mining=asked.id,
            user_id=user,
            source=source,
            source_name=asked.address,
            own_addresses=sorted({asked.address, *(asked.me or ())}),
            reference_date=as_of,
        )
        if record["state"] == "foreign":
            raise NotFound
        if record["state"] != "open":
            return Begun(asked.id, False, record["state"], ledger=record["ledger"], receipt=record["receipt"])
        settings = Settings(
            address=asked.address,
            folders=asked.folders,
            since=asked.since,
            scope=asked.scope or "text",
            as_of=as_of,
            chunks=asked.chunks,
            full=bool(asked.full),
            own=tuple(record["own_addresses"]),
        )
        await self._minings.begin(asked.id, user=user, source=source, settings=settings, holder=asked.holder)
        return None

    async def _lease(self, mining: Mining, asked: Beginning) -> Begun:
        lease = await self._minings.take_lease(mining, holder=asked.holder, lease_seconds=LEASE_SECONDS)
        if lease is None:
            raise Refused(
                "held",
                f"Another fetcher is reading this mailbox and was active {mining.silent_seconds:.0f} seconds ago: wait "
                f"until it ends, or stop it and try again {LEASE_SECONDS:.0f} seconds later.",
            )
        marks = {} if mining.settings.full else await self._minings.watermarks(mining)
        return Begun(
            id=mining.id,
            resumed=mining.id != asked.id,
            state=mining.state,
            lease=lease,
            lease_seconds=LEASE_SECONDS,
            settings=mining.settings,
            watermarks={folder: Watermark(*mark) for folder, mark in marks.items()},
        )

    async def find(self, user: str, mining: str) -> Mining:
        """Return a user's unfinished mining; raise NotFound, also for another user's mining."""
        found = await self._minings.find(read_mining(mining))
        if found.user != user:
            raise NotFound
        return found

    async def renew(self, user: str, mining: str, fields: Mapping[str, Any]) -> Renewed | None:
        """Renew the lease, by one statement; raise Refused for an older one. Return None if the mining has ended."""
        renewed = await self._minings.renew_lease(read_mining(mining), user=user, lease=read_lease(fields))
        if renewed is None:
            with suppress(NotFound):
                await self.find(user, mining)
                raise _old_lease()
        return renewed

    async def fetched(self, user: str, mining: str, fields: Mapping[str, Any]) -> None:
        """End the fetching under the lease. A repeated call changes nothing, but moves a stalled mining on."""
        lease, skipped, failed = read_lease(fields), read_reasons(fields, "skipped"), read_reasons(fields, "failed")
        try:
            found = await self.find(user, mining)
        except NotFound:
            return
        if found.lease != lease:
            raise _old_lease()
        if found.state == "fetching":
            await self._pipeline.fix_segments(found, lease=lease, skipped=skipped, failed=failed)
        elif found.state != "processing":
            await self._pipeline.resending.resend_first(found)
        await self._pipeline.resending.move(found)

    async def cancel(self, user: str, mining: str, fields: Mapping[str, Any]) -> None:
        """Stop the fetching: at the fetcher's next call, or at once if no fetcher is alive.

        With `discard`, end the mining as failed, in any state before its teardown: its messages are dead in its ledger.
        """
        discard = read_flag(fields, "discard")
        try:
            found = await self.find(user, mining)
        except NotFound:
            return
        if discard:
            await self._pipeline.fail(found, reason=Dead.CANCELLED)
            return
        await self._minings.cancel(found)
        if found.state == "fetching" and found.silent_seconds > LEASE_SECONDS:
            with suppress(Conflict):  # another call was first
                await self._pipeline.end_fetching(found, reason=Skipped.CANCELLED)

    async def retry(self, user: str, mining: str) -> int:
        """Send the dead segments again and return how many; raise Refused once refining has begun."""
        try:
            found = await self.find(user, mining)
        except NotFound as error:
            if await self._contacts.call("mining_record", user_id=user, mining=read_mining(mining)) is None:
                raise
            raise _too_late() from error
        if found.state not in ("fetching", "processing"):
            raise _too_late()
        revived = await self._minings.revive(found)
        found = await self._minings.find(found.id)  # its round may have ended meanwhile
        await self._queue.send(
            [
                Job(JobKind.SEGMENT, found.id, segment=name, messages=messages, round=found.round)
                for name, messages in revived
            ]
        )
        return len(revived)


def refuse_changes(asked: Beginning, fixed: Settings) -> None:
    """Raise Refused, with the settings' names, if a resume differs from what was fixed at begin."""
    own = None if asked.me is None else tuple(sorted({asked.address, *asked.me}))
    wishes = {
        "folders": (asked.folders, fixed.folders),
        "since": (asked.since, fixed.since),
        "scope": (asked.scope, fixed.scope),
        "as_of": (asked.as_of, fixed.as_of),
        "full": (asked.full, fixed.full),
        "me": (None if own is None or set(own) <= set(fixed.own) else own, fixed.own),
    }
    wrong = [name for name, (wish, is_fixed) in wishes.items() if wish is not None and wish != is_fixed]
    if wrong:
        raise Refused(
            "fixed",
            f"An unfinished mining of this mailbox was started with a different {' and '.join(wrong)}: resume it "
            f"without {'it' if len(wrong) == 1 else 'them'}, or cancel it first.",
        )


def _old_lease() -> Refused:
    return Refused("lease", "Another fetcher has taken over this mining: this one must stop.")


def _too_late() -> Refused:
    return Refused("refining", "Too late to retry: the next mining of this mailbox fetches those messages again.")
