"""The composition root of the fetcher and the command line: settings in, connected adapters out.

The libraries behind the adapters are slow to import, so they are imported where they are needed: while the embedded
servers start, or never.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from fetcher.embedded.child import EmbeddedError
from fetcher.embedded.start import InUse, start, stop
from fetcher.exits import Misconfigured, Misuse, NotStarted
from fetcher.ports import Conflict, JobQueue, RawStore
from fetcher.settings import Settings

if TYPE_CHECKING:
    from fetcher.adapters.processor import ProcessorClient
    from fetcher.adapters.queues import CloudflareQueue
    from fetcher.adapters.r2 import R2RawStore
    from fetcher.adapters.redis import RedisJobQueue

WORKER_POLL_SECONDS = 2.0
"""Twice as long as elsewhere, because each request to a Worker costs money."""


@dataclass(frozen=True, slots=True)
class Stack:
    """The servers of one mode, behind their ports. `embedded` ones outlive the command that opened the stack.

    `poll_seconds` is how often the service asks the processor about a mining that somebody watches.
    """

    raw_store: RawStore
    queue: JobQueue
    processor: "ProcessorClient"
    embedded: bool
    poll_seconds: float = 1.0


class Late:
    """A placeholder for an adapter, which is looked up when one of its methods is first used.

    Threads that use it at the same time for the first time may each find their own.
    """

    def __init__(self, find: Callable[[], object]) -> None:
        """Take the function that returns the adapter."""
        self._find = find

    def __getattr__(self, name: str) -> Any:
        """Return a method of the adapter."""
        found = getattr(self._find(), name)
        setattr(self, name, found)
        return found


@dataclass(frozen=True, slots=True)
class _Places:
    redis_url: str
    raw_store_path: Path
    processor_url: str
    processor_token: str


@contextmanager
def open_stack(
    settings: Settings, *, mining: bool = False, notice: Callable[[str], None] = lambda _: None
) -> Iterator[Stack]:
    """Yield the stack that the settings describe; start the embedded servers if no servers are configured.

    With `mining`, all embedded processors are started, otherwise only one, which serves the HTTP API. `notice` is
    called with a sentence for each step that takes time. Raises Misconfigured if a package that the mode needs is not
    installed, and NotStarted if the embedded servers do not start. Configured servers are not contacted before they
    are used.
    """
    with ExitStack() as opened:
        if settings.storage_mode == "cloudflare":
            yield _open_cloudflare(opened, settings)
            return
        places = _start_embedded(opened, settings, mining, notice) if settings.embedded else _configured(settings)
        from fetcher.adapters.files import FileRawStore

        queue: Any = Late(lambda: _open_redis(opened, places.redis_url))  # commands that only read need none
        processor = _open_processor(opened, places.processor_url, places.processor_token)
        yield Stack(FileRawStore(places.raw_store_path), queue, processor, settings.embedded)


def stop_embedded(settings: Settings) -> bool:
    """Stop the embedded servers and return whether any were running.

    Raises Conflict if another command is using them, and Misuse if the settings name other servers.
    """
    if not settings.embedded:
        raise Misuse("There are no embedded servers to stop: your settings name your own servers.")
    with _in_our_words():
        return stop(settings.home)


def probes(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return a check for each configured server, by the server's name.

    A check returns a sentence if the server is available. It raises Unavailable if not, or Denied if the server refuses
    us.
    """
    if settings.storage_mode == "cloudflare":
        return {"R2": lambda: _ping_r2(settings), "Queues": lambda: _ping_queues(settings)}
    return {"Redis": lambda: _ping_redis(settings)}


def fetch_keys(url: str) -> list[dict[str, Any]]:
    """Return the public keys of an issuer of JWTs; raise Unavailable."""
    from fetcher.adapters import jwks

    return jwks.fetch_keys(url)


def _ping_redis(settings: Settings) -> str:
    from fetcher.adapters.probe import ping_redis

    ping_redis(_configured(settings).redis_url)
    return "Redis answers."


def _ping_r2(settings: Settings) -> str:
    with closing(_open_r2(settings)) as store:
        next(store.list("doctor/"), None)
    return f"The bucket {settings.cloudflare_r2_bucket} answers."


def _ping_queues(settings: Settings) -> str:
    with closing(_open_queue(settings)) as queue:
        queue.ping()
    return f"The queue {settings.cloudflare_queues} exists."


def _open_cloudflare(opened: ExitStack, settings: Settings) -> Stack:
    store = opened.enter_context(closing(_open_r2(settings)))
    queue = opened.enter_context(closing(_open_queue(settings)))
    token = settings.processor_token.get_secret_value() if settings.processor_token else ""
    processor = _open_processor(opened, settings.processor_url or "", token)
    return Stack(store, queue, processor, settings.embedded, poll_seconds=WORKER_POLL_SECONDS)


def _open_r2(settings: Settings) -> "R2RawStore":
    try:
        from fetcher.adapters.r2 import R2RawStore
    except ModuleNotFoundError as error:
        raise Misconfigured(
            f"STORAGE_MODE is cloudflare, but the package {error.name} is missing: install leadminer[cloudflare]."
        ) from None
    return R2RawStore(
        endpoint_url=settings.r2_endpoint,
        bucket=settings.cloudflare_r2_bucket,
        access_key_id=settings.cloudflare_r2_access_key_id,
        secret_access_key=settings.cloudflare_r2_secret_access_key.get_secret_value(),
    )


def _open_queue(settings: Settings) -> "CloudflareQueue":
    from fetcher.adapters.queues import CloudflareQueue

    return CloudflareQueue(
        account_id=settings.cloudflare_account_id,
        queue=settings.cloudflare_queues,
        api_token=settings.cloudflare_api_token.get_secret_value(),
        api_url=settings.cloudflare_base_url,
    )


def _open_redis(opened: ExitStack, url: str) -> "RedisJobQueue":
    from fetcher.adapters.redis import RedisJobQueue

    return opened.enter_context(closing(RedisJobQueue(url)))


def _open_processor(opened: ExitStack, url: str, token: str) -> "ProcessorClient":
    from fetcher.adapters.processor import ProcessorClient

    return opened.enter_context(ProcessorClient(url, token))


def _start_embedded(opened: ExitStack, settings: Settings, mining: bool, notice: Callable[[str], None]) -> _Places:
    # Takes almost as long as starting the servers; whoever needs it waits for it. The queue is loaded when it is used.
    Thread(target=import_module, args=("fetcher.adapters.processor",), daemon=True).start()
    with _in_our_words():
        found = opened.enter_context(
            start(settings.home, mining=mining, linger_seconds=settings.leadminer_linger, notice=notice)
        )
    return _Places(found.redis_url, found.raw_store_path, found.processor_url, found.processor_token)


@contextmanager
def _in_our_words() -> Iterator[None]:
    try:
        yield
    except InUse as error:
        raise Conflict(str(error)) from None
    except EmbeddedError as error:
        raise NotStarted(str(error)) from None


def _configured(settings: Settings) -> _Places:
    if not (settings.redis_url and settings.raw_store_path and settings.processor_url and settings.processor_token):
        raise Misconfigured("Set PROCESSOR_URL, PROCESSOR_TOKEN, RAW_STORE_PATH and REDIS_URL together.")
    return _Places(
        settings.redis_url.get_secret_value(),
        settings.raw_store_path.expanduser(),
        settings.processor_url,
        settings.processor_token.get_secret_value(),
    )
