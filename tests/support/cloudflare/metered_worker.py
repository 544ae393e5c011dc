"""The deployed Worker with metered bindings and with test routes under `/test/`. Never part of a deployed bundle."""

import json
from typing import Any

import entry_worker  # type: ignore[import-not-found]
from meters import METERS, MeteredEnv, metered_fetch  # type: ignore[import-not-found]
from pyodide_js import _module  # type: ignore[import-not-found]
from workers import Response  # type: ignore[import-not-found]

entry_worker.fetch = metered_fetch(entry_worker.fetch)
METERS.heap_bytes = lambda: int(_module.HEAPU8.length)
entry_worker.SWEEP_SECONDS = 5.0  # shorter than in production, for tests in which a sweep hangs


class Default(entry_worker.Default):  # type: ignore[misc]
    """The entry point that the runtime calls."""

    def __init__(self, ctx: Any, env: Any) -> None:
        super().__init__(ctx, env)
        self.env = MeteredEnv(env)

    async def fetch(self, request: Any) -> Any:
        """Answer the test routes, and pass all other requests to the deployed Worker."""
        _, test, route = f"/{request.url.partition('://')[2].partition('/')[2]}//".split("/")[:3]
        if test != "test":
            METERS.counts["http requests"] += 1
            try:
                return await super().fetch(request)
            finally:
                self.env.invocation.end()
        if route == "faults":
            METERS.set_fault(json.loads(await request.text()))
        elif route == "limits":
            METERS.set_limits(**json.loads(await request.text()))
        elif route == "reset":
            METERS.counts.clear()
            METERS.peaks.clear()
        answer = {
            "counts": dict(METERS.counts),
            "peaks": dict(METERS.peaks),
            "faults_done": METERS.faults_done,
            "heap_bytes": METERS.heap_bytes(),
        }
        return Response(json.dumps(answer))

    async def queue(self, batch: Any, _env: Any = None, _ctx: Any = None) -> None:
        """Count the delivered messages, and pass them to the deployed Worker."""
        METERS.counts["queue batches"] += 1
        METERS.counts["queue messages delivered"] += len(batch.messages)
        try:
            await super().queue(batch)
        finally:
            self.env.invocation.end()

    async def scheduled(self, controller: Any, _env: Any = None, _ctx: Any = None) -> None:
        """Pass the cron event to the deployed Worker."""
        try:
            await super().scheduled(controller)
        finally:
            self.env.invocation.end()
