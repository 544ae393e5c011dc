"""A Worker that runs the contract's checks on its own bindings, one per request. Never part of a deployed bundle."""

import asyncio
import traceback
from collections.abc import Awaitable, Callable
from typing import Any, Final

from workers import Response, WorkerEntrypoint, fetch  # type: ignore[import-not-found]

from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.adapters.cloudflare.r2 import R2Store
from processor.adapters.cloudflare.supabase import SupabaseContactStore
from processor.ports import Unavailable
from tests.contract import contact_store, job_queue, mining_store, raw_store

POLL_SECONDS: Final = 0.05
POLLS: Final = 200
FAILING: Final = "mining_store/fail"
SILENT: Final = "contact_store/silence"
SILENCE_SECONDS: Final = 0.5
CHECKS: Final[dict[str, Callable[[Any], Awaitable[None]]]] = {
    f"{port.__name__.rpartition('.')[2]}/{check.__name__}": check
    for port in (contact_store, job_queue, mining_store, raw_store)
    for check in port.CHECKS
}


async def fail(_: Any) -> None:
    """Fail like a check."""
    assert not CHECKS


async def end_silence(store: Any) -> None:
    """Check that a call to a silent Supabase ends within the timeout."""
    try:
        await store.call("schema_version")
    except Unavailable:
        return
    raise AssertionError("Supabase answered")


class Default(WorkerEntrypoint):  # type: ignore[misc]
    """The handlers that the runtime calls."""

    async def fetch(self, request: Any) -> Any:
        """Run the check named in the path; answer 200, or 500 with the traceback."""
        name = request.url.partition("://")[2].partition("/")[2]
        others = {FAILING: fail, SILENT: end_silence}
        try:
            await (others.get(name) or CHECKS[name])(self._subject(name.partition("/")[0]))
        except Exception:
            return Response(traceback.format_exc(), status=500)
        return Response("kept")

    async def queue(self, batch: Any, _env: Any = None, _ctx: Any = None) -> None:
        """Store the delivered jobs where a check can read them."""
        statement = self.env.CLOUDFLARE_D1_DATABASE.prepare("INSERT INTO received (body) VALUES (?1)")
        await self.env.CLOUDFLARE_D1_DATABASE.batch([statement.bind(message.body) for message in batch.messages])

    def _subject(self, port: str) -> Any:
        if port == "raw_store":
            bucket = self.env.CLOUDFLARE_R2_BUCKET
            return raw_store.Subject(R2Store(bucket), bucket.put)
        if port == "job_queue":
            return job_queue.Subject(CloudflareJobQueue(self.env.CLOUDFLARE_QUEUES), self._receive)
        if port == "mining_store":
            return D1MiningStore(self.env.CLOUDFLARE_D1_DATABASE)
        url, key = self.env.SUPABASE_URL, self.env.SUPABASE_SERVICE_KEY
        return SupabaseContactStore(url, key, fetch=fetch, timeout_seconds=SILENCE_SECONDS)

    async def _receive(self, count: int) -> list[str]:
        taken = self.env.CLOUDFLARE_D1_DATABASE.prepare("DELETE FROM received RETURNING body")
        out: list[str] = []
        for _ in range(POLLS):
            out += [row["body"] for row in (await taken.all())["results"]]
            if len(out) >= count:
                break
            await asyncio.sleep(POLL_SECONDS)
        return out
