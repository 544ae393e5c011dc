"""The job queue, its dead-letter queue, and their consumers."""

from dataclasses import dataclass

import pulumi
import pulumi_cloudflare as cloudflare

from infra.bindings import Binding, Kind
from infra.cloudflare.place import Place
from infra.naming import CloudflareNames
from infra.protection import inside
from infra.worker import (
    BATCH_JOBS,
    BATCH_WAIT_SECONDS,
    DEAD_BATCH_JOBS,
    MAX_CONCURRENCY,
    MAX_RETRIES,
    QUEUE,
    RETENTION_SECONDS,
    RETRY_DELAY_SECONDS,
)


class JobQueue(pulumi.ComponentResource):
    """Both queues. They hold no data of their own: the sweep sends lost jobs again."""

    def __init__(self, names: CloudflareNames, place: Place, *, parent: pulumi.Resource) -> None:
        """Declare the queues."""
        super().__init__("leadminer:cloudflare:JobQueue", "job-queue", None, inside(parent))
        self._account_id = place.account_id
        self.queue = self._declare("queue", names.queue, place)
        self.dead = self._declare("dead-queue", names.dead_queue, place)
        self.register_outputs({"name": self.queue.queue_name})

    def binding(self) -> Binding:
        """Return the binding of the job queue."""
        return Binding(QUEUE, Kind.QUEUE, self.queue.queue_name)

    def _declare(self, logical: str, name: str, place: Place) -> cloudflare.Queue:
        return cloudflare.Queue(
            logical,
            account_id=place.account_id,
            queue_name=name,
            jurisdiction=place.restricted,
            settings=cloudflare.QueueSettingsArgs(
                delivery_delay=0, delivery_paused=False, message_retention_period=RETENTION_SECONDS
            ),
            opts=inside(self),
        )


@dataclass(frozen=True, slots=True)
class Consuming:
    """How a queue delivers its messages to a Worker."""

    batch_size: int
    max_concurrency: int
    dead_letter_queue: pulumi.Input[str] | None = None


class Consumers(pulumi.ComponentResource):
    """The Worker as consumer of both queues. All settings are set: those left to the provider show up as drift."""

    def __init__(self, queue: JobQueue, script: cloudflare.WorkersScript, *, parent: pulumi.Resource) -> None:
        """Declare both consumers, to be created after the script."""
        super().__init__("leadminer:cloudflare:Consumers", "consumers", None, inside(parent))
        jobs = Consuming(BATCH_JOBS, MAX_CONCURRENCY, queue.dead.queue_name)
        self.jobs = self._declare("jobs", queue.queue, script, jobs)
        self.dead = self._declare("dead-jobs", queue.dead, script, Consuming(DEAD_BATCH_JOBS, 1))
        self.register_outputs({})

    def _declare(
        self, logical: str, queue: cloudflare.Queue, script: cloudflare.WorkersScript, how: Consuming
    ) -> cloudflare.QueueConsumer:
        return cloudflare.QueueConsumer(
            logical,
            account_id=queue.account_id,
            queue_id=queue.queue_id,
            script_name=script.script_name,
            type="worker",
            dead_letter_queue=how.dead_letter_queue,
            settings=cloudflare.QueueConsumerSettingsArgs(
                batch_size=how.batch_size,
                max_concurrency=how.max_concurrency,
                max_retries=MAX_RETRIES,
                max_wait_time_ms=BATCH_WAIT_SECONDS * 1000,
                retry_delay=RETRY_DELAY_SECONDS,
            ),
            opts=inside(self, after=[script]),
        )
