"""The user's side of the API: status, reports, contacts and erasure."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from processor.api.receipts import ErasureReceipt
from processor.api.requests import BadRequest, read_mining
from processor.api.selection import read_cursor, read_limit, read_order, read_selection, write_cursor
from processor.domain.contacts.rules import RULES
from processor.domain.mail.addresses import fold_address
from processor.jobs.pipeline import Pipeline
from processor.jobs.tools import Ports
from processor.minings.mining import Mining
from processor.minings.table import Minings
from processor.ports import ContactStore, NotFound, Row
from schemas.ledger import Ledger
from schemas.minings import Status

MAX_RECORDS = 100


class Records:
    """Reads running and ended minings alike."""

    def __init__(self, ports: Ports, pipeline: Pipeline) -> None:
        self._minings: Minings = ports.minings
        self._contacts: ContactStore = ports.contacts
        self._pipeline = pipeline

    async def ready(self) -> dict[str, Any]:
        """Return the status and schema version; raise Unavailable unless both databases answer."""
        await self._minings.ids("")
        return {"status": "ok", "schema": await self._contacts.call("schema_version")}

    async def status(self, user: str, mining: str) -> dict[str, Any]:
        """Return a mining's progress; raise NotFound."""
        mining = read_mining(mining)
        try:
            found = await self._minings.find(mining)
        except NotFound:
            return ended_status(await self._record(user, mining)).to_json()
        if found.user != user:
            raise NotFound
        totals = await self._minings.segment_totals(found)
        refined = len(await self._minings.chunk_totals(found)) if found.state != "fetching" else 0
        return running_status(found, totals, refined).to_json()

    async def all(self, user: str) -> list[dict[str, Any]]:
        """Return the user's minings: unfinished ones first, then ended ones, each newest first."""
        running = [await self.status(user, mining) for mining in await self._minings.ids(user)]
        records = await self._contacts.call("mining_records", user_id=user, page_size=MAX_RECORDS)
        known = {status["id"] for status in running}
        ended = [each for each in records if each["mining"] not in known and each["state"] != "open"]
        return running + [ended_status(record).to_json() for record in ended]

    async def report(self, user: str, mining: str) -> dict[str, Any]:
        """Return a mining's ledger, whether it balances, and its receipt once it has ended."""
        mining = read_mining(mining)
        try:
            found = await self._minings.find(mining)
        except NotFound:
            record = await self._record(user, mining)
            return report_of(mining, record["state"], record["ledger"] or {}, record["receipt"])
        if found.user != user:
            raise NotFound
        if found.closing:
            return report_of(mining, found.state, found.closing["ledger"], None)
        return report_of(mining, found.state, (await self._pipeline.ledger(found)).to_json(), None)

    async def contacts(self, user: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return one page of the selected contacts, and the cursor of the next page."""
        order = read_order(query)
        page = await self._contacts.call(
            "find_contacts",
            user_id=user,
            **read_selection(query),
            ordered_by=order,
            after=read_cursor(query.get("after", ""), order),
            page_size=read_limit(query),
        )
        after = None if page["after"] is None else write_cursor(order, page["after"])
        return {"contacts": page["contacts"], "after": after}

    async def total(self, user: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return how many contacts are selected."""
        return {"contacts": await self._contacts.call("count_contacts", user_id=user, **read_selection(query))}

    async def contact(self, user: str, address: str) -> dict[str, Any]:
        """Return everything that is known about a contact, with the rule behind each tag; raise NotFound."""
        found = await self._contacts.call("contact", user_id=user, address=fold_address(address))
        if found is None:
            raise NotFound
        tags = [tag | {"rule": RULES[tag["name"], tag["source"]]} for tag in found["tags"]]
        return {**found, "tags": tags}

    async def address(self, user: str, query: Mapping[str, str]) -> dict[str, Any]:
        """Return whether an address is a contact of the user, and whether it is suppressed."""
        address = fold_address(_address(query))
        return dict(await self._contacts.call("address_state", user_id=user, address=address))

    async def suppressions(self, user: str) -> dict[str, Any]:
        """Return the hashes of the addresses that must not become contacts."""
        return {"suppressions": await self._contacts.call("suppressed", user_id=user)}

    async def allow(self, user: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Let an erased address become a contact again, and return whether it was suppressed."""
        address = fold_address(_address(fields))
        return {"allowed": await self._contacts.call("allow_contact", user_id=user, address=address)}

    async def erase(self, user: str, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Erase one contact for good, or everything the user has; return the receipt."""
        address = fields.get("address")
        if address is None:
            return await self._erase_user(user)
        if not isinstance(address, str):
            raise BadRequest("address must be a string, or null to erase everything.")
        folded = fold_address(address)
        receipt = ErasureReceipt()
        receipt.add([folded] if await self._contacts.call("erase_contact", user_id=user, address=folded) else [])
        return receipt.to_json()

    async def _erase_user(self, user: str) -> dict[str, Any]:
        receipt = ErasureReceipt()
        await self._erase_slices(user, receipt)
        minings = await self._minings.ids(user)
        for mining in minings:
            with suppress(NotFound):
                await self._pipeline.erase(await self._minings.find(mining))
        await self._minings.erase_user(user)
        if minings:
            await self._erase_slices(user, receipt)  # one of them may have begun after the last slice
        return receipt.to_json()

    async def _erase_slices(self, user: str, receipt: ErasureReceipt) -> None:
        more = True
        while more:
            erased = await self._contacts.call("erase_user", user_id=user)
            receipt.add(erased["addresses"], minings=erased["minings"])
            more = erased["more"]

    async def _record(self, user: str, mining: str) -> Mapping[str, Any]:
        record = await self._contacts.call("mining_record", user_id=user, mining=mining)
        if record is None:
            raise NotFound
        return dict(record)


def _address(fields: Mapping[str, Any]) -> str:
    address = fields.get("address")
    if not isinstance(address, str) or "@" not in address:
        raise BadRequest("address must be an email address.")
    return address


def running_status(mining: Mining, totals: Row, chunks_refined: int) -> Status:
    """Return the status of an unfinished mining from its numbers of segments and messages, and of refined chunks."""
    sent = totals["waiting"] + totals["done"] + totals["dead"]
    return Status(
        id=mining.id,
        source_name=mining.settings.address,
        state=mining.state,
        cancelled=mining.cancelled,
        begun_at=datetime.fromtimestamp(mining.begun_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        listed=mining.listed,
        sent=None if mining.state == "fetching" else sent,
        done=totals["done"],
        dead_segments=totals["dead"],
        processed=totals["processed"],
        duplicate=totals["duplicate"],
        dead=totals["messages"] - totals["processed"] - totals["duplicate"],
        chunks=mining.settings.chunks,
        chunks_refined=chunks_refined,
        ledger=mining.closing["ledger"] if mining.closing else None,
    )


def ended_status(record: Mapping[str, Any]) -> Status:
    """Return the status of a mining that has left the temporary tables."""
    ledger = Ledger.from_json(record["ledger"] or {})
    return Status(
        id=record["mining"],
        source_name=record["source_name"],
        state=record["state"],
        cancelled="cancelled" in ledger.skipped,
        begun_at=record["begun_at"],
        finished_at=record["finished_at"],
        listed=ledger.listed,
        processed=ledger.processed,
        duplicate=ledger.duplicate,
        dead=sum(ledger.dead.values()),
        ledger=record["ledger"],
        receipt=record["receipt"],
    )


def report_of(mining: str, state: str, ledger: Mapping[str, Any], receipt: object) -> dict[str, Any]:
    """Return a report. `balanced` says whether the ledger balances; while a mining runs, it need not."""
    imbalance = Ledger.from_json(ledger).imbalance()
    return {
        "id": mining,
        "state": state,
        "ledger": ledger,
        "balanced": not imbalance,
        "imbalance": imbalance,
        "receipt": receipt,
    }
