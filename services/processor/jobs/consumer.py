"""The container's loop: take one job at a time, keep it claimed while working, acknowledge it after the commit."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential_jitter

from processor.jobs.pipeline import Pipeline
from processor.jobs.sweep import Sweeper
from processor.ports import Conflict, Deliveries, Delivery, Unavailable

log = structlog.get_logger()

READ_SECONDS = 1.0
"""How long one wait for a job lasts."""
MAX_BACK_OFF_SECONDS = 15.0
MAX_STUMBLES = 5
"""Unexpected errors before a job goes to the dead-letter queue. The sweep issues it again if it is still needed."""


class Consumer:
    """Works until told to stop, and finishes the current job first."""

    def __init__(
        self,
        deliveries: Deliveries,
        pipeline: Pipeline,
        sweeper: Sweeper,
        *,
        claim_seconds: float,
        sweep_seconds: float,
    ) -> None:
        self._deliveries = deliveries
        self._pipeline = pipeline
        self._sweeper = sweeper
        self._renew_seconds = claim_seconds / 3
        self._sweep_seconds = sweep_seconds
        self._stop = asyncio.Event()
        self._receiving: asyncio.Task[Delivery | None] | None = None

    def stop(self) -> None:
        """Ask the loop to stop after the current job, or at once if it waits for one."""
        self._stop.set()
        if self._receiving is not None:
            self._receiving.cancel()

    async def run(self) -> None:
        """Receive, run and acknowledge jobs; sweep when idle."""
        clock = asyncio.get_running_loop().time
        swept = clock()
        while not self._stop.is_set():
            delivery = await self._receive()
            if delivery is not None:
                await self._do(delivery)
            elif clock() - swept >= self._sweep_seconds:
                await self._sweep()
                swept = clock()

    async def _receive(self) -> Delivery | None:
        """Return the next job, or None if there is none yet or we are told to stop in the meantime.

        A job that arrives in that instant is still ours in the queue, and is delivered again.
        """
        self._receiving = asyncio.create_task(self._deliveries.receive(wait_seconds=READ_SECONDS))
        try:
            return await self._receiving
        except asyncio.CancelledError:
            if self._stop.is_set():
                return None
            raise
        except Unavailable as error:
            log.warning("waiting", reason=str(error))
            await self._pause(READ_SECONDS)
            return None

    async def _do(self, delivery: Delivery) -> None:
        stumbles = 0
        async with self._kept(delivery):
            async for attempt in AsyncRetrying(
                retry=retry_if_exception_type((Unavailable, Conflict)),
                wait=wait_exponential_jitter(multiplier=0.02, max=MAX_BACK_OFF_SECONDS, jitter=0.05),
                sleep=self._pause,
            ):
                with attempt:
                    if self._stop.is_set() and attempt.retry_state.attempt_number > 1:
                        return
                    try:
                        await self._pipeline.handle(
                            delivery.job,
                            deliveries=delivery.deliveries,
                            again=attempt.retry_state.attempt_number > 1,
                        )
                        await self._deliveries.settle(delivery)
                    except (Unavailable, Conflict):
                        raise
                    except Exception as error:
                        stumbles += 1
                        log.error("job failed", error=type(error).__name__, stumbles=stumbles)
                        if stumbles < MAX_STUMBLES:
                            raise Unavailable("an unexpected error") from error
                        await self._deliveries.bury(delivery.job, reason="error")
                        await self._deliveries.settle(delivery)

    @contextlib.asynccontextmanager
    async def _kept(self, delivery: Delivery) -> AsyncIterator[None]:
        async def renew() -> None:
            while True:
                await asyncio.sleep(self._renew_seconds)
                with contextlib.suppress(Unavailable):
                    await self._deliveries.renew(delivery)

        keeper = asyncio.create_task(renew())
        try:
            yield
        finally:
            keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await keeper

    async def _sweep(self) -> None:
        try:
            await self._sweeper.sweep()
        except Unavailable as error:
            log.warning("sweep waits", reason=str(error))
        except Exception as error:
            log.error("sweep failed", error=type(error).__name__)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), timeout=seconds)
