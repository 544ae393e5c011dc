"""The routes for operators and their monitors: whether the service is up and ready, and its metrics."""

import asyncio
import time
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, Response

from fetcher.ports import Trouble
from fetcher.service.answers import Health
from fetcher.service.metrics import MEDIA, Metrics
from fetcher.service.problems import HEADERS, answer
from fetcher.service.room import Here, JsonRoute

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

READY_SECONDS = 2.0
"""How long an answer of the processor counts. Anybody can ask whether the service is ready, as often as they like."""
router = APIRouter(route_class=JsonRoute, tags=["Service"])


class Readiness:
    """Asks the processor whether it is ready, once at a time and not too often."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._asking = asyncio.Lock()
        self._until = 0.0
        self._trouble: Trouble | None = None

    async def ask(self, stack: "Stack") -> None:
        """Return if the processor and its databases answer; raise Unavailable or Denied."""
        async with self._asking:
            if time.monotonic() >= self._until:
                self._trouble = await run_in_threadpool(_trouble_of, stack)
                self._until = time.monotonic() + READY_SECONDS
        if self._trouble is not None:
            raise self._trouble


def _trouble_of(stack: "Stack") -> Trouble | None:
    try:
        stack.processor.ready()
    except Trouble as trouble:
        return trouble
    return None


def readiness_of(request: Request) -> Readiness:
    """Return what the application knows about the processor."""
    readiness: Readiness = request.app.state.readiness
    return readiness


def metrics_of(request: Request) -> Metrics:
    """Return the metrics of the application."""
    metrics: Metrics = request.app.state.metrics
    return metrics


@router.get("/health", response_model=Health)
async def health() -> Response:
    """Report that the service is up, with `status` and `version`, from memory."""
    return answer({"status": "ok", "version": version("leadminer")})


@router.get("/ready", response_model=Health)
async def ready(here: Here, readiness: Annotated[Readiness, Depends(readiness_of)]) -> Response:
    """Report that the processor and its databases answer too; 503 if they do not."""
    await readiness.ask(here.stack)
    return answer({"status": "ok", "version": version("leadminer")})


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(metrics: Annotated[Metrics, Depends(metrics_of)]) -> Response:
    """Return the metrics for Prometheus, to the service's token or a caller on the same machine."""
    return Response(metrics.render(), media_type=MEDIA, headers=HEADERS)
