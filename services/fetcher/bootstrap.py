"""The composition root of the fetcher and the command line: settings in, connected adapters out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fetcher.adapters.files import FileRawStore
from fetcher.adapters.probe import ping_redis
from fetcher.adapters.processor import ProcessorClient
from fetcher.adapters.queues import CloudflareQueue
from fetcher.adapters.redis import RedisJobQueue
from fetcher.embedded.child import EmbeddedError
from fetcher.embedded.start import start
from fetcher.exits import Misconfigured
from fetcher.ports import JobQueue, RawStore, Unavailable
from fetcher.settings import Settings

if TYPE_CHECKING:
    from fetcher.adapters.r2 import R2RawStore


@dataclass(frozen=True, slots=True)
class Stack:
    """The servers of one mode, behind their ports. `embedded` ones stop when the command that opened the stack ends."""

    raw_store: RawStore
    queue: JobQueue
    processor: ProcessorClient
    embedded: bool


@dataclass(frozen=True, slots=True)
class _Places:
    redis_url: str
    raw_store_path: Path
    processor_url: str
    processor_token: str


@contextmanager
def open_stack(settings: Settings, *, notice: Callable[[str], None] = lambda _: None) -> Iterator[Stack]:
    """Yield the stack that the settings describe; start the embedded servers if no servers are configured.

    `notice` is called with a sentence for each step that takes time. Raises Misconfigured if a package that the mode
    needs is not installed, and Unavailable if the embedded servers do not start. Configured servers are not contacted
    before they are used.
    """
    with ExitStack() as opened:
        if settings.storage_mode == "cloudflare":
            yield _open_cloudflare(opened, settings)
            return
        places = _start_embedded(opened, settings, notice) if settings.embedded else _configured(settings)
        queue = opened.enter_context(closing(RedisJobQueue(places.redis_url)))
        processor = opened.enter_context(ProcessorClient(places.processor_url, places.processor_token))
        yield Stack(FileRawStore(places.raw_store_path), queue, processor, settings.embedded)


def probes(settings: Settings) -> dict[str, Callable[[], str]]:
    """Return a check for each configured server, by the server's name.

    A check returns a sentence if the server is available. It raises Unavailable if not, or Denied if the server refuses
    us.
    """
    if settings.storage_mode == "cloudflare":
        return {"R2": lambda: _ping_r2(settings), "Queues": lambda: _ping_queues(settings)}
    return {"Redis": lambda: _ping_redis(settings)}


def _ping_redis(settings: Settings) -> str:
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
    processor = opened.enter_context(ProcessorClient(settings.processor_url or "", token))
    return Stack(store, queue, processor, settings.embedded)


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


def _open_queue(settings: Settings) -> CloudflareQueue:
    return CloudflareQueue(
        account_id=settings.cloudflare_account_id,
        queue=settings.cloudflare_queues,
        api_token=settings.cloudflare_api_token.get_secret_value(),
        api_url=settings.cloudflare_base_url,
    )


def _start_embedded(opened: ExitStack, settings: Settings, notice: Callable[[str], None]) -> _Places:
    try:
        endpoints = opened.enter_context(start(settings.home, notice=notice))
    except EmbeddedError as error:
        raise Unavailable(str(error)) from None
    return _Places(endpoints.redis_url, endpoints.raw_store_path, endpoints.processor_url, endpoints.processor_token)


def _configured(settings: Settings) -> _Places:
    if not (settings.redis_url and settings.raw_store_path and settings.processor_url and settings.processor_token):
        raise Misconfigured("Set PROCESSOR_URL, PROCESSOR_TOKEN, RAW_STORE_PATH and REDIS_URL together.")
    return _Places(
        settings.redis_url.get_secret_value(),
        settings.raw_store_path.expanduser(),
        settings.processor_url,
        settings.processor_token.get_secret_value(),
    )
