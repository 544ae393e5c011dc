"""A Worker's bindings in memory: an R2 bucket and a queue, as strict as the platform; D1 is in `sqlite_d1`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from processor.ports import Delivery
from schemas.limits import QUEUE_DELAY_SECONDS, R2_KEY_BYTES
from tests.support.cloudflare.refusals import refuse_messages

MAX_KEYS = 1000


class RuntimeFault(Exception):
    """An error that a binding throws."""


@dataclass(frozen=True, slots=True)
class Object:
    """An object as R2 returns it."""

    key: str
    size: int
    data: bytes = b""

    async def arrayBuffer(self) -> memoryview:  # noqa: N802 - the runtime's name
        """Return the object's bytes as the runtime does."""
        return memoryview(self.data)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing."""

    objects: list[Object]
    truncated: bool
    cursor: str | None


class MemoryBucket:
    """An R2 bucket in a folder, so that tests can look at its files; a page holds `page_keys` keys."""

    def __init__(self, root: Path, *, page_keys: int = MAX_KEYS) -> None:
        self._root = root
        self._page_keys = page_keys

    async def get(self, key: str) -> Object | None:
        """Return an object, or None."""
        self._check(key)
        path = self._root / key
        if not path.is_file():
            return None
        data = path.read_bytes()
        return Object(key, len(data), data)

    async def list(self, options: dict[str, Any]) -> Page:
        """Return one page of keys in sorted order."""
        self._check(options.get("prefix", ""))
        paths = (path for path in self._root.rglob("*") if path.is_file())
        keys = sorted(path.relative_to(self._root).as_posix() for path in paths)
        left = [k for k in keys if k.startswith(options.get("prefix", "")) and k > options.get("cursor", "")]
        page = left[: self._page_keys]
        more = len(left) > len(page)
        return Page([Object(key, 0) for key in page], more, page[-1] if more else None)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects."""
        if not isinstance(keys, list) or len(keys) > MAX_KEYS:
            raise RuntimeFault("delete: a list of at most 1000 keys")
        for key in keys:
            self._check(key)
            (self._root / key).unlink(missing_ok=True)

    def _check(self, key: str) -> None:
        if len(key.encode()) > R2_KEY_BYTES:
            raise RuntimeFault("the key is too long")
        if not self._root.is_dir():
            raise RuntimeFault("internal error")


@dataclass
class Message:
    """A message as the runtime passes it to a consumer; `verdict` is what the consumer did with it."""

    body: str
    attempts: int = 1
    id: str = ""
    verdict: str = ""
    delay_seconds: int = 0

    def ack(self) -> None:
        """Acknowledge the message."""
        self.verdict = self.verdict or "ack"

    def retry(self, *, delaySeconds: int = 0) -> None:  # noqa: N803 - the runtime's name
        """Ask for another delivery."""
        if not 0 <= delaySeconds <= QUEUE_DELAY_SECONDS:
            raise RuntimeFault("the delay is out of range")
        self.verdict = self.verdict or "retry"
        self.delay_seconds = delaySeconds


@dataclass
class MemoryQueue:
    """A queue's producer binding; `messages` holds the sent messages with their delays."""

    messages: list[Message] = field(default_factory=list)
    fails: bool = False
    _ids: "count[int]" = field(default_factory=count)

    async def send(self, body: str, options: dict[str, Any]) -> None:
        """Queue one message."""
        await self.sendBatch([{"body": body, **options}])

    async def sendBatch(self, messages: Sequence[dict[str, Any]]) -> None:  # noqa: N802 - the runtime's name
        """Queue all messages, or none if a limit is exceeded."""
        if self.fails:
            raise RuntimeFault("Queue send failed: internal error")
        if refusal := refuse_messages(messages):
            raise RuntimeFault(refusal)
        for message in messages:
            if not isinstance(message["body"], str) or message.get("contentType") != "text":
                raise RuntimeFault("Queue sendBatch failed: a text was expected")
        for message in messages:
            delay = int(message.get("delaySeconds", 0))
            self.messages.append(Message(message["body"], 1, str(next(self._ids)), delay_seconds=delay))

    async def receive(self, *, wait_seconds: float) -> Delivery | None:
        """Take the next message, for tests that drive a processor job by job."""
        if not self.messages:
            return None
        message = self.messages.pop(0)
        return Delivery(message.id, message.body, message.attempts)

    def take(self) -> list[Message]:
        """Take all messages, and leave the queue empty."""
        taken, self.messages = self.messages, []
        return taken
