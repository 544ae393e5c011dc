"""The container's composition root: PostgreSQL, Redis Streams and a directory behind the ports; uvicorn for HTTP."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from importlib.metadata import version

import structlog
import uvicorn

from processor.adapters.container.contacts import PostgresContactStore
from processor.adapters.container.files import FileStore
from processor.adapters.container.metrics import (
    Exposition,
    MeasuredContactStore,
    MeasuredMiningStore,
    Metrics,
)
from processor.adapters.container.migrate import MigrationError, migrate_all, migrate_permanent
from processor.adapters.container.pool import open_pool
from processor.adapters.container.redis import RedisJobQueue, open_redis
from processor.api.fetching import Fetching
from processor.api.http import serve_api
from processor.api.records import Records
from processor.api.routes import Api
from processor.jobs.consumer import Consumer
from processor.jobs.pipeline import Pipeline
from processor.jobs.sweep import Sweeper
from processor.jobs.tools import Ports
from processor.minings.table import Minings
from processor.settings import Settings, WrongSettings, read_permanent, read_settings

log = structlog.get_logger()

EXIT_SETTINGS = 3
EXIT_UNAVAILABLE = 8
COLLECT_AFTER_OBJECTS = 100_000
"""New objects before a garbage collection. Refining makes many small objects that stay alive, and with Python's default
it took a sixth longer."""


def main(arguments: Sequence[str]) -> int:
    """Run the processor until SIGTERM; return the exit code: 0, or 2 for usage, 3 for settings, 8 for no database."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    set_up_logging()
    if arguments not in ([], ["migrate"], ["migrate-permanent"]):
        sys.stderr.write("usage: python -m processor [migrate|migrate-permanent]\n")
        return 2
    try:
        if arguments == ["migrate-permanent"]:
            asyncio.run(migrate_permanent(read_permanent()))
            return 0
        settings = read_settings()
        return asyncio.run(migrate(settings) if arguments else run(settings))
    except WrongSettings as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_SETTINGS
    except MigrationError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_UNAVAILABLE


class _WithoutTexts(logging.Formatter):
    """Formats a library's record as its logger, level and error class. Texts and tracebacks could contain mail."""

    def format(self, record: logging.LogRecord) -> str:
        kind = record.exc_info[0] if record.exc_info else None
        return " ".join((record.name, record.levelname, *([kind.__name__] if kind else [])))


def set_up_logging() -> None:
    """Log one line of JSON per event to standard error, and drop what libraries log below a warning."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_WithoutTexts())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


async def migrate(settings: Settings) -> int:
    """Bring both databases up to date."""
    await migrate_all(
        permanent=settings.postgres_connection_string.get_secret_value(), mining=settings.mining_connection_string
    )
    return 0


async def run(settings: Settings) -> int:
    """Migrate, then work through jobs and answer requests until told to stop."""
    await migrate(settings)
    async with open_ports(settings) as (ports, queue, exposition):
        pipeline = Pipeline(ports, still_seconds=settings.sweep_seconds)
        api = Api(
            Fetching(ports, pipeline),
            Records(ports, pipeline),
            secrets=settings.secrets,
            version=version("leadminer"),
        )
        sweeper = Sweeper(ports, pipeline, silent_seconds=settings.silent_seconds)
        consumer = Consumer(
            queue, pipeline, sweeper, claim_seconds=settings.claim_seconds, sweep_seconds=settings.sweep_seconds
        )
        server = serve_api(api, listen=settings.processor_listen, metrics=exposition.render)
        stop_on_signals(consumer, server)
        if settings.processor_stop_with_stdin:
            stop_with_stdin(consumer, server)
        log.info("processor started")
        await asyncio.gather(consumer.run(), server.serve())
        log.info("processor stopped")
    return 0


@contextlib.asynccontextmanager
async def open_ports(settings: Settings) -> AsyncIterator[tuple[Ports, RedisJobQueue, Exposition]]:
    """Connect the adapters, measured for Prometheus, and disconnect them at the end."""
    metrics = Metrics()
    async with (
        open_pool(settings.mining_connection_string) as mining_pool,
        open_pool(settings.postgres_connection_string.get_secret_value()) as permanent_pool,
        open_redis(settings.redis_url.get_secret_value()) as redis,
    ):
        queue = RedisJobQueue(
            redis,
            consumer=settings.processor_name or f"{socket.gethostname()}-{os.getpid()}",
            claim_seconds=settings.claim_seconds,
        )
        yield (
            Ports(
                raw=FileStore(settings.raw_store_path),
                minings=Minings(MeasuredMiningStore(mining_pool, metrics)),
                contacts=MeasuredContactStore(PostgresContactStore(permanent_pool), metrics),
                queue=queue,
                alert=log.error,
                compute=asyncio.to_thread,
            ),
            queue,
            Exposition(metrics, queue=queue, pool=mining_pool, backups=settings.backups_path),
        )


def stop_on_signals(consumer: Consumer, server: uvicorn.Server) -> None:
    """Stop on SIGTERM and SIGINT, after finishing the current job."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, consumer, server)


def stop_with_stdin(consumer: Consumer, server: uvicorn.Server) -> None:
    """Stop when the process that started us is gone, which closes the other end of standard input."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        if not os.read(0, 1024):
            loop.remove_reader(0)
            _stop(consumer, server)

    loop.add_reader(0, read)


def _stop(consumer: Consumer, server: uvicorn.Server) -> None:
    consumer.stop()
    server.should_exit = True
