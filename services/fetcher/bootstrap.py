"""The composition root of the fetcher and the command line: settings in, what talks to the servers out."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fetcher import embedded
from fetcher.adapters.files import FileRawStore
from fetcher.adapters.probe import ping_redis
from fetcher.adapters.processor import ProcessorClient
from fetcher.adapters.redis import RedisJobQueue
from fetcher.child import EmbeddedError
from fetcher.exits import Misconfigured
from fetcher.ports import JobQueue, RawStore, Unavailable
from fetcher.settings import Settings


@dataclass(frozen=True, slots=True)
class Stack:
    """The servers of one mode, behind their ports. `embedded` ones stop with the command that opened the stack."""

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
    """Give the stack that the settings name, starting embedded servers where they name none.

    `notice` gets what takes time, as sentences. Raises Misconfigured for a mode that is not there yet, and Unavailable
    where the embedded servers do not start. Nothing is asked of configured servers before they are used.
    """
    if settings.storage_mode == "cloudflare":
        raise Misconfigured(
            "STORAGE_MODE is 'cloudflare', but this version has no Cloudflare adapters yet: "
            "unset it, or set it to postgresql."
        )
    with ExitStack() as opened:
        places = _start_embedded(opened, settings, notice) if settings.embedded else _configured(settings)
        queue = opened.enter_context(closing(RedisJobQueue(places.redis_url)))
        processor = opened.enter_context(ProcessorClient(places.processor_url, places.processor_token))
        yield Stack(FileRawStore(places.raw_store_path), queue, processor, settings.embedded)


def ping_queue(settings: Settings) -> str:
    """Ask the configured queue whether it is there, and say so; raise Unavailable or Denied."""
    ping_redis(_configured(settings).redis_url)
    return "It answers."


def _start_embedded(opened: ExitStack, settings: Settings, notice: Callable[[str], None]) -> _Places:
    try:
        endpoints = opened.enter_context(embedded.start(settings.home, notice=notice))
    except EmbeddedError as error:
        raise Unavailable(str(error)) from None
    return _Places(endpoints.redis_url, endpoints.raw_store_path, endpoints.processor_url, endpoints.processor_token)


def _configured(settings: Settings) -> _Places:
    if not (settings.redis_url and settings.raw_store_path and settings.processor_url and settings.processor_token):
        raise Misconfigured("PROCESSOR_URL, PROCESSOR_TOKEN, RAW_STORE_PATH and REDIS_URL are needed together.")
    return _Places(
        settings.redis_url.get_secret_value(),
        settings.raw_store_path.expanduser(),
        settings.processor_url,
        settings.processor_token.get_secret_value(),
    )
