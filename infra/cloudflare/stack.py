"""The stack of one environment on Cloudflare, with or without a fetcher on a Docker host."""

from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker

from infra.bindings import Binding, previous_token, secret, text
from infra.bundle import bundle_worker
from infra.cloudflare.job_queue import Consumers, JobQueue
from infra.cloudflare.mining_database import MiningDatabase
from infra.cloudflare.place import Place
from infra.cloudflare.processor import Processor
from infra.cloudflare.raw_bucket import RawBucket
from infra.config import Settings
from infra.docker.fetcher import Fetcher, Published
from infra.docker.images import Images
from infra.docker.sizes import size_for
from infra.naming import CloudflareNames
from infra.passwords import declare_password
from infra.protection import inside
from infra.vendored import vendor
from infra.worker import QUEUE

CHECKOUT = Path(__file__).resolve().parents[2]


class CloudflareStack(pulumi.ComponentResource):
    """A Worker connected to R2, Queues, D1 and Supabase, and optionally a fetcher."""

    def __init__(self, settings: Settings) -> None:
        """Declare everything."""
        super().__init__("leadminer:cloudflare:CloudflareStack", "cloudflare")
        self._settings, self._place = settings, Place.of(settings)
        self.names = CloudflareNames(settings["environment"])
        protected = settings.protected
        self.token = declare_password("processor-token", parent=self)
        self.bucket = RawBucket(self.names.bucket, self._place, protected=protected, parent=self)
        self.database = MiningDatabase(self.names.database, self._place, protected=protected, parent=self)
        self.queue = JobQueue(self.names, self._place, parent=self)
        self.processor = Processor(
            self.names.worker,
            self._place,
            bundle_worker(CHECKOUT, vendor(CHECKOUT / "requirements" / "worker.lock")),
            self._worker_bindings(),
            settings,
            parent=self,
        )
        self.consumers = Consumers(self.queue, self.processor.script, parent=self)
        self.fetcher = FetcherHost(self) if settings["fetcher"] == "host" else None
        self.register_outputs({})

    def _worker_bindings(self) -> list[Binding]:
        return [
            self.bucket.binding(),
            self.database.binding(),
            self.queue.binding(),
            text("SUPABASE_URL", self._settings["supabaseUrl"]),
            secret("SUPABASE_SERVICE_KEY", self._settings.secrets["supabaseServiceKey"]),
            secret("PROCESSOR_TOKEN", self.token),
            *previous_token(self._settings.secrets),
        ]

    def fetcher_bindings(self) -> list[Binding]:
        """Return the bindings of this environment's fetcher."""
        secrets = self._settings.secrets
        return [
            *self._told_to_fetchers(),
            text("SUPABASE_URL", self._settings["supabaseUrl"]),
            secret("CLOUDFLARE_API_TOKEN", secrets["fetcherApiToken"]),
            secret("CLOUDFLARE_R2_ACCESS_KEY_ID", secrets["r2AccessKeyId"]),
            secret("CLOUDFLARE_R2_SECRET_ACCESS_KEY", secrets["r2SecretAccessKey"]),
        ]

    def _told_to_fetchers(self) -> list[Binding]:
        """Return the bindings of any fetcher of this environment, without its own credentials."""
        bindings = [
            text("STORAGE_MODE", "cloudflare"),
            text("CLOUDFLARE_ACCOUNT_ID", self._place.account_id),
            self.bucket.binding(),
            # By id, so that the fetcher needs no permission to list queues.
            text(QUEUE, self.queue.queue.queue_id),
            text("PROCESSOR_URL", self.processor.url),
            secret("PROCESSOR_TOKEN", self.token),
            *previous_token(self._settings.secrets),
        ]
        if endpoint := self._place.r2_endpoint:
            bindings.append(text("CLOUDFLARE_R2_ENDPOINT", endpoint))
        return bindings

    @property
    def settings(self) -> Settings:
        """The stack's settings."""
        return self._settings

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs."""
        outputs: dict[str, Any] = {
            "worker": self.processor.script.script_name,
            "queues": [self.queue.queue.queue_name, self.queue.dead.queue_name],
            "database": self.database.database.name,
            "bucket": self.bucket.bucket.name,
            "processorUrl": self.processor.url,
            "processorToken": self.token,
            "fetcherSettings": {binding.name: binding.value for binding in self._told_to_fetchers()},
        }
        if image := self._settings["imageFetcher"]:
            outputs["fetcherImage"] = image
        if self.fetcher is not None:
            outputs |= {"url": self.fetcher.fetcher.url, "token": self.fetcher.fetcher.token}
        return outputs


class FetcherHost(pulumi.ComponentResource):
    """The fetcher's container on a Docker host, since IMAP needs long-lived connections."""

    def __init__(self, stack: CloudflareStack) -> None:
        """Declare the container, to be created after the Worker. Jobs just wait until the Worker consumes them."""
        settings = stack.settings
        host = docker.Provider("fetcher-host", host=settings["fetcherHost"])
        options = pulumi.ResourceOptions(parent=stack, providers=[host])
        super().__init__("leadminer:cloudflare:FetcherHost", "fetcher-host", None, options)
        self.network = docker.Network("network", name=stack.names.fetcher, driver="bridge", opts=inside(self))
        self.images = Images(settings, parent=self)
        self.fetcher = Fetcher(
            stack.names.fetcher,
            self.images.service("fetcher"),
            self.network,
            size_for(settings["size"], processors=0),
            stack.fetcher_bindings(),
            Published.of(settings),
            parent=self,
            after=[stack.processor.script],
        )
        self.register_outputs({})
