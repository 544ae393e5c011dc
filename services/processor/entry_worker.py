"""The Worker's composition root: D1, R2, a Queue and Supabase behind the ports.

The runtime calls it for HTTP requests, queue batches and cron. The isolate interleaves invocations, so each one builds
its own parts, and no module holds mutable state.
"""

import asyncio
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from workers import Response, WorkerEntrypoint, fetch  # type: ignore[import-not-found]

from processor.adapters.cloudflare.batches import BatchConsumer
from processor.adapters.cloudflare.d1 import D1MiningStore
from processor.adapters.cloudflare.events import log_event
from processor.adapters.cloudflare.queue import CloudflareJobQueue
from processor.adapters.cloudflare.r2 import R2Store
from processor.adapters.cloudflare.supabase import SupabaseContactStore
from processor.api.fetching import Fetching
from processor.api.records import Records
from processor.api.routes import MAX_BODY_BYTES, Api, Request, problem
from processor.jobs.pipeline import Pipeline
from processor.jobs.sweep import Sweeper
from processor.jobs.tools import Ports
from processor.minings.table import Minings
from processor.ports import Unavailable
from schemas.limits import D1_DATABASE_BYTES

VERSION: Final = "0.1.0"
DEAD_QUEUE_SUFFIX: Final = "-dead"
"""The end of the dead-letter queue's name, as infra names it."""
STILL_SECONDS: Final = 600.0
"""A mining counts as stalled after this long without progress: longer than the longest back-off."""
SILENT_SECONDS: Final = 86_400.0
SWEEP_SECONDS: Final = 600.0
"""A sweep stops after this. The next one continues, with the minings in a different order. The platform allows 900."""
WARN_SHARE: Final = 0.8


@dataclass(frozen=True, slots=True)
class Parts:
    """What one invocation works with."""

    store: D1MiningStore
    api: Api
    consumer: BatchConsumer
    sweeper: Sweeper

    @classmethod
    def of(cls, env: Any) -> "Parts":
        """Build the parts on the Worker's bindings."""
        store = D1MiningStore(env.CLOUDFLARE_D1_DATABASE)
        queue = CloudflareJobQueue(env.CLOUDFLARE_QUEUES)
        ports = Ports(
            raw=R2Store(env.CLOUDFLARE_R2_BUCKET),
            minings=Minings(store),
            contacts=SupabaseContactStore(env.SUPABASE_URL, env.SUPABASE_SERVICE_KEY, fetch=fetch),
            queue=queue,
            alert=log_event,
        )
        pipeline = Pipeline(ports, still_seconds=STILL_SECONDS)
        return cls(
            store=store,
            api=Api(
                Fetching(ports, pipeline),
                Records(ports, pipeline),
                secrets=[env.PROCESSOR_TOKEN, getattr(env, "PROCESSOR_TOKEN_PREVIOUS", "")],
                version=VERSION,
            ),
            consumer=BatchConsumer(pipeline, queue, store),
            sweeper=Sweeper(ports, pipeline, silent_seconds=SILENT_SECONDS),
        )


class Default(WorkerEntrypoint):  # type: ignore[misc]
    """The Worker's handlers, which the runtime calls."""

    async def fetch(self, request: Any) -> Any:
        """Answer one request of the HTTP API."""
        try:
            answer = await Parts.of(self.env).api.answer(read_request(request))
        except Exception as error:
            log_event("request failed", error=type(error).__name__)
            answer = problem(500, "error", "An unexpected error occurred: check the Worker's log.")
        headers = {"content-type": "application/json"}
        return Response(answer.encode().decode(), status=answer.status, headers=headers)

    async def queue(self, batch: Any, _env: Any = None, _ctx: Any = None) -> None:
        """Run the jobs of one batch. Each message is settled by itself."""
        consumer = Parts.of(self.env).consumer
        if batch.queue.endswith(DEAD_QUEUE_SUFFIX):
            await consumer.consume_dead(batch.messages)
        else:
            await consumer.consume(batch.messages)

    async def scheduled(self, _controller: Any, _env: Any = None, _ctx: Any = None) -> None:
        """Move stalled minings on, for a limited time, and check the database's size."""
        parts = Parts.of(self.env)
        try:
            async with asyncio.timeout(SWEEP_SECONDS):
                await parts.sweeper.sweep()
        except (Unavailable, TimeoutError) as error:
            log_event("sweep ended early", reason=str(error) or "time")
        except Exception as error:
            log_event("sweep failed", error=type(error).__name__)
        if parts.store.size_bytes > WARN_SHARE * D1_DATABASE_BYTES:
            log_event("database nearly full", bytes=parts.store.size_bytes, limit=D1_DATABASE_BYTES)


def read_request(request: Any) -> Request:
    """Convert a request for the API; the path stays percent-encoded, and the body unread."""
    parts = urlsplit(request.url)
    scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
    return Request(
        method=str(request.js_object.method),  # the SDK's own `method` raises for methods that it does not know
        path=parts.path,
        token=token.strip() if scheme.lower() == "bearer" else "",
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        body=lambda: read_body(request.body),
    )


async def read_body(stream: Any) -> bytes | None:
    """Return the stream's bytes, or None if they exceed what the API accepts; the rest is then not read."""
    out = bytearray()
    if stream:
        async for piece in stream:
            out += piece.to_bytes()
            if len(out) > MAX_BODY_BYTES:
                return None
    return bytes(out)
