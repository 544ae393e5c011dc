"""Stands in for the provider `cloudflare`: creates what is declared in the tests' account.

The account is at `CLOUDFLARE_BASE_URL`, or at the host name of the real API.
"""

import os
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

import httpx

from infra.cloudflare.schema import API, BASE_URL, TOKEN
from tests.support.pulumi import cloudflare_inputs as models
from tests.support.pulumi.provider import Kind, Properties, Provider, Refused, serve

TIMEOUT_SECONDS = 120.0


class Resource(Kind):
    """A resource of the account, which gets the declared inputs unchanged; every name in `outputs` has its id."""

    collection: ClassVar[str]
    model: ClassVar[type[models.Inputs]]

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def check(self, inputs: Properties) -> list[str]:
        """Refuse what the API would refuse."""
        return models.find_faults(self.model, inputs)

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Declare the resource."""
        identity = self._ask("POST", "", inputs)["id"]
        return identity, dict.fromkeys(self.outputs, identity)

    def read(self, identity: str, state: Properties) -> bool:
        """Return whether the resource exists."""
        return self._client.get(self._path(identity)).is_success

    def update(self, identity: str, inputs: Properties, state: Properties) -> Properties:
        """Declare the resource with new inputs."""
        self._ask("PUT", identity, inputs)
        return dict.fromkeys(self.outputs, identity)

    def delete(self, identity: str, state: Properties) -> None:
        """Withdraw the resource."""
        if self.read(identity, state):
            self._ask("DELETE", identity)

    def _ask(self, method: str, identity: str, inputs: Properties | None = None) -> Properties:
        answer = self._client.request(method, self._path(identity), json=inputs)
        fields: Properties = answer.json()
        if not answer.is_success:
            raise Refused(f"the account refuses this: {fields['error']}")
        result: Properties = fields["result"]
        return result

    def _path(self, identity: str) -> str:
        return f"/resources/{self.collection}" + (f"/{quote(identity, safe='')}" if identity else "")


class D1Database(Resource):
    """A database."""

    collection, model = "databases", models.D1Database
    updatable = frozenset({"readReplication"})
    outputs = frozenset({"uuid"})


class Queue(Resource):
    """A queue."""

    collection, model = "queues", models.Queue
    updatable = frozenset({"settings"})
    outputs = frozenset({"queueId"})


class QueueConsumer(Resource):
    """A Worker as the consumer of a queue."""

    collection, model = "consumers", models.QueueConsumer
    updatable = frozenset({"settings", "deadLetterQueue", "scriptName"})
    outputs = frozenset({"consumerId"})


class R2Bucket(Resource):
    """A bucket."""

    collection, model = "buckets", models.R2Bucket
    updatable = frozenset({"storageClass"})


class R2BucketLifecycle(Resource):
    """A bucket's lifecycle rules. They are only stored here, since no days pass."""

    collection, model = "lifecycles", models.R2BucketLifecycle
    updatable = frozenset({"rules"})


class WorkersScript(Resource):
    """A Worker."""

    collection, model = "scripts", models.WorkersScript
    updatable = frozenset(
        {"bindings", "compatibilityDate", "compatibilityFlags", "content", "contentType", "files", "limits"}
        | {"mainModule", "observability"}
    )


class WorkersCronTrigger(Resource):
    """A Worker's cron schedules; tests trigger the runs."""

    collection, model = "crons", models.WorkersCronTrigger
    updatable = frozenset({"schedules"})


class WorkersScriptSubdomain(Resource):
    """Whether a Worker is served at workers.dev."""

    collection, model = "subdomains", models.WorkersScriptSubdomain
    updatable = frozenset({"enabled", "previewsEnabled"})


class CloudflareProvider(Provider):
    """One account."""

    package = "pulumi-cloudflare"
    deletes_first = True
    _client: httpx.Client | None = None

    def kinds(self, settings: Properties) -> Mapping[str, Kind]:
        """Return the kinds for the account in the environment, the provider's only configuration."""
        if settings.keys() - {"version"} or not os.environ.get(TOKEN):
            raise Refused(f"{TOKEN} must be set in the environment, and no settings are accepted: {sorted(settings)}")
        self._client = client = httpx.Client(
            base_url=os.environ.get(BASE_URL, API).removesuffix("/client/v4"),
            headers={"authorization": f"Bearer {os.environ[TOKEN]}"},
            timeout=TIMEOUT_SECONDS,
        )
        return {
            "cloudflare:index/d1Database:D1Database": D1Database(client),
            "cloudflare:index/queue:Queue": Queue(client),
            "cloudflare:index/queueConsumer:QueueConsumer": QueueConsumer(client),
            "cloudflare:index/r2Bucket:R2Bucket": R2Bucket(client),
            "cloudflare:index/r2BucketLifecycle:R2BucketLifecycle": R2BucketLifecycle(client),
            "cloudflare:index/workersCronTrigger:WorkersCronTrigger": WorkersCronTrigger(client),
            "cloudflare:index/workersScript:WorkersScript": WorkersScript(client),
            "cloudflare:index/workersScriptSubdomain:WorkersScriptSubdomain": WorkersScriptSubdomain(client),
        }

    def close(self) -> None:
        """Close the connections."""
        if self._client is not None:
            self._client.close()


if __name__ == "__main__":
    serve(CloudflareProvider())
