"""A Worker that obeys its messages, for tests of the local Cloudflare itself."""

from typing import Any

from workers import Response, WorkerEntrypoint  # type: ignore[import-not-found]


class Default(WorkerEntrypoint):  # type: ignore[misc]
    """Records what it receives in D1."""

    async def fetch(self, request: Any) -> Any:
        """Return one of the Worker's settings."""
        return Response(f"{self.env.PLACE} {request.method}")

    async def queue(self, batch: Any, env: Any = None, ctx: Any = None) -> None:
        """Record each message, then do what its body says: `retry`, `fail`, or by default acknowledge it."""
        for message in batch.messages:
            await self._note(batch.queue, message.body, message.attempts)
            if message.body == "fail":
                raise RuntimeError("told to fail")
            if message.body == "retry":
                message.retry(delaySeconds=0)
            else:
                message.ack()

    async def scheduled(self, controller: Any, env: Any = None, ctx: Any = None) -> None:
        """Record that the cron ran."""
        await self._note("cron", controller.cron, 0)

    async def _note(self, queue: str, body: str, attempts: int) -> None:
        database = self.env.CLOUDFLARE_D1_DATABASE
        await database.prepare("CREATE TABLE IF NOT EXISTS got (queue, body, attempts)").run()
        await database.prepare("INSERT INTO got VALUES (?1, ?2, ?3)").bind(queue, body, attempts).run()
