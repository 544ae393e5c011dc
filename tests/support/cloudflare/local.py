"""Cloudflare on this machine: the Worker in the real workerd; miniflare's queues, D1 and R2; and the gate."""

import base64
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

from infra.bundle import Bundle, module_type
from infra.worker import BATCH_JOBS, COMPATIBILITY_DATE, COMPATIBILITY_FLAGS, MAX_RETRIES
from tests.support.cloudflare.node import LocalError, NodeScript
from tests.support.cloudflare.packages import Pieces


@dataclass(frozen=True, slots=True)
class Account:
    """The names and credentials of the local account; they belong to no real account."""

    account: str = "0123456789abcdef0123456789abcdef"
    token: str = "a-token-of-tests"
    access_key: str = "an-access-key-of-tests"
    secret: str = "a-secret-of-tests"
    bucket: str = "mining-emails-test"
    queue: str = "5a7c0000000000000000000000000001"
    queue_name: str = "mining-queue-test"
    database: str = "d1000000-0000-4000-8000-000000000001"


@dataclass(frozen=True, slots=True)
class Message:
    """A queue message as delivered to the Worker; `attempts` includes this delivery."""

    body: Any
    id: str = "1"
    attempts: int = 1
    timestamp: int = 1_767_225_600_000

    def to_json(self) -> dict[str, Any]:
        """Return the message in the form that the start script takes."""
        return {"id": self.id, "body": self.body, "attempts": self.attempts, "timestamp": self.timestamp}


@dataclass
class LocalCloudflare:
    """One workerd; use it as a context manager. It is thread-safe; calls run one at a time.

    `variables` are the Worker's own settings. `max_retries` and `wait_seconds` configure the queue: by default it
    retries as often as in production, and waits less than in production for a batch to fill.
    """

    pieces: Pieces
    bundle: Bundle
    variables: Mapping[str, str] = field(default_factory=dict)
    max_retries: int = MAX_RETRIES
    wait_seconds: float = 0.05
    account: Account = field(default_factory=Account)

    def __post_init__(self) -> None:
        """Prepare the process."""
        self._script = NodeScript(self.pieces.node, "start.mjs")
        self._lock = threading.Lock()
        self.gate = ""
        self.processor = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def log(self) -> str:
        """Return the output of workerd and the Worker."""
        return self._script.log

    def start(self) -> None:
        """Start workerd and wait until it answers."""
        self._take_addresses(self._script.start(self._settings()))

    def close(self) -> None:
        """Stop workerd; its data is deleted."""
        self._script.close()

    def deliver(self, *batches: Sequence[Message], queue: str | None = None) -> list[dict[str, Any]]:
        """Deliver batches to the Worker's queue handler, all at once; return each batch's verdicts from miniflare."""
        given = [[message.to_json() for message in batch] for batch in batches]
        return list(self._call("deliver", batches=given, queue=queue))

    def run_scheduled(self, cron: str = "* * * * *") -> None:
        """Run the Worker's cron handler once; raise LocalError if it fails."""
        verdict = self._call("scheduled", cron=cron)
        if verdict["outcome"] != "ok":
            raise LocalError(f"the cron handler ended with {verdict['outcome']}")

    def query(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Run one statement directly on D1, and return the rows."""
        return list(self._call("query", sql=sql, params=params)["results"])

    def objects(self, prefix: str = "") -> list[str]:
        """Return the keys of the objects in R2 that start with a prefix."""
        return list(self._call("objects", prefix=prefix))

    def put_object(self, key: str, data: bytes) -> None:
        """Write an object directly to R2."""
        self._call("put", key=key, data=base64.b64encode(data).decode())

    def remove_objects(self, keys: Sequence[str]) -> None:
        """Remove objects directly from R2."""
        self._call("remove", keys=list(keys))

    def redeploy(self, *, bundle: Bundle | None = None, variables: Mapping[str, str] | None = None) -> None:
        """Replace the Worker with another one, or restart the same; data is kept, queued messages are lost."""
        self.bundle = bundle or self.bundle
        self.variables = self.variables if variables is None else variables
        self._take_addresses(self._call("redeploy", modules=list_modules(self.bundle), variables=dict(self.variables)))

    def set_faults(self, *faults: Mapping[str, Any]) -> None:
        """Make the gate fail: a fault has `path` (a part of it), `times`, and `status` with `headers`, or `seconds`."""
        httpx.post(f"{self.gate}/faults", json=list(faults)).raise_for_status()

    def counts(self) -> dict[str, int]:
        """Return how many requests the gate has received, by kind and method."""
        counts: dict[str, int] = httpx.get(f"{self.gate}/counts").json()
        return counts

    def _settings(self) -> dict[str, Any]:
        account = self.account
        consumer = {"maxBatchSize": BATCH_JOBS, "maxBatchTimeout": self.wait_seconds, "maxRetries": self.max_retries}
        return {
            "packages": str(self.pieces.packages),
            "runtime": str(self.pieces.runtime),
            "compatibilityDate": COMPATIBILITY_DATE,
            "compatibilityFlags": COMPATIBILITY_FLAGS,
            "modules": list_modules(self.bundle),
            "variables": dict(self.variables),
            "bucket": account.bucket,
            "queue": account.queue_name,
            "database": account.database,
            "consumers": {
                account.queue_name: consumer | {"deadLetterQueue": f"{account.queue_name}-dead"},
                f"{account.queue_name}-dead": consumer,
            },
            "account": {
                "account": account.account,
                "tokens": {account.token: ["d1", "queues"]},
                "accessKey": account.access_key,
                "secret": account.secret,
                "buckets": {account.bucket: {"binding": "CLOUDFLARE_R2_BUCKET", "jurisdiction": "default"}},
                "queues": {account.queue: {"binding": "CLOUDFLARE_QUEUES", "name": account.queue_name}},
                "databases": {account.database: {"binding": "CLOUDFLARE_D1_DATABASE"}},
            },
        }

    def _take_addresses(self, addresses: Mapping[str, str]) -> None:
        self.gate, self.processor = addresses["gate"], addresses["processor"]

    def _call(self, call: str, **fields: Any) -> Any:
        with self._lock:
            return self._script.ask(call, fields)


def list_modules(bundle: Bundle) -> list[dict[str, str]]:
    """Return a bundle in the form that the start script takes, main module first."""
    return [{"name": name, "type": module_type(module), "file": str(module.file)} for name, module in bundle.items()]
