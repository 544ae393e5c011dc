"""Which minings make no progress, what was sent again for them, and how often their jobs failed."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from processor.minings.mining import Mining, dump
from processor.ports import MiningStore
from schemas.jobs import MAX_SECONDS

LONGEST_SECONDS = 6 * 3600.0
"""The longest wait between two resends of a mining."""


class Stalls:
    """The part of the temporary tables that the sweep needs. Each change is one statement."""

    def __init__(self, store: MiningStore) -> None:
        self._store = store

    async def silent(self, *, lease_seconds: float, silent_seconds: float) -> list[str]:
        """Return the minings whose fetcher was silent this long, or only for a lease if they are cancelled."""
        rows = await self._store.query("silent", lease_seconds=lease_seconds, silent_seconds=silent_seconds)
        return [row["mining"] for row in rows]

    async def stalled(self, *, still_seconds: float, sent: float = MAX_SECONDS) -> list[str]:
        """Return the minings that wait for jobs, had their last jobs sent by `sent`, and made no progress since.

        They have been still for `still_seconds`, doubled with each resend that brought no progress.
        """
        rows = await self._store.query(
            "stalled", still_seconds=still_seconds, longest_seconds=LONGEST_SECONDS, sent=sent
        )
        return [row["mining"] for row in rows]

    async def record_resend(self, mining: Mining) -> Mining | None:
        """Begin the mining's next round and return the mining in it; None if another call was first."""
        rows = await self._store.query("record_resend", mining_no=mining.number, state=mining.state, round=mining.round)
        return replace(mining, round=rows[0]["round"]) if rows else None

    async def take_back_resend(self, mining: Mining) -> None:
        """Undo `record_resend`, because the jobs of that round could not be sent. Those that were sent stay valid.

        Whoever moved the mining to its next state meanwhile has set the count of resends back already.
        """
        await self._store.query("take_back_resend", mining_no=mining.number, round=mining.round)

    async def send_echo(self, *, still_seconds: float) -> float | None:
        """Record that an echo is sent and return the time; None while the latest one may still arrive."""
        rows = await self._store.query("send_echo", still_seconds=still_seconds, longest_seconds=LONGEST_SECONDS)
        return float(rows[0]["sent"]) if rows else None

    async def hear_echo(self, sent: float) -> None:
        """Record that the echo of this time arrived. If it is the latest, none is on its way any more."""
        await self._store.query("hear_echo", sent=sent)

    async def count_failure(self, mining: Mining) -> int:
        """Count a failed job and return how many failed in this state; 0 if the mining has left the state."""
        rows = await self._store.query("count_failure", mining_no=mining.number, state=mining.state)
        return int(rows[0]["failures"]) if rows else 0

    async def start_failing(self, mining: Mining, closing: Mapping[str, Any]) -> bool:
        """Let the mining end as failed with this ledger and receipt; return True only from the call that did so."""
        rows = await self._store.query("start_failing", mining_no=mining.number, closing=dump(dict(closing)))
        return bool(rows)
