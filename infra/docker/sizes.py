"""Sizes: the limits of the containers and the settings of the servers in them, chosen together."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Limits:
    """What a container may use: memory in MiB (there is no swap), processors, processes of its account."""

    memory: int
    cpus: str
    processes: int


@dataclass(frozen=True, slots=True)
class Size:
    """The limits of each service, and what follows from them; memory in MiB."""

    postgres: Limits
    redis: Limits
    processor: Limits
    fetcher: Limits
    shared_buffers: int
    """A quarter of PostgreSQL's memory."""
    redis_memory: int
    """Half of Redis' memory: while it rewrites its file, pages are held twice."""
    minings: int
    """Minings that a fetcher runs at once."""


CONNECTIONS = 20
"""PostgreSQL's, besides four a processor and database: for people, dumps and migrations."""
SERVICE_PROCESSES = 512
"""Fetcher and processors run as one account, which the kernel counts as one, threads included."""

SIZES = MappingProxyType(
    {
        "small": Size(
            postgres=Limits(512, "1", 200),
            redis=Limits(128, "0.5", 64),
            processor=Limits(384, "1", SERVICE_PROCESSES),
            fetcher=Limits(384, "0.5", SERVICE_PROCESSES),
            shared_buffers=128,
            redis_memory=64,
            minings=2,
        ),
        "medium": Size(
            postgres=Limits(2048, "2", 400),
            redis=Limits(256, "1", 64),
            processor=Limits(512, "1", SERVICE_PROCESSES),
            fetcher=Limits(768, "1", SERVICE_PROCESSES),
            shared_buffers=512,
            redis_memory=128,
            minings=6,
        ),
        "large": Size(
            postgres=Limits(8192, "4", 1000),
            redis=Limits(512, "1", 64),
            processor=Limits(768, "1", 2 * SERVICE_PROCESSES),
            fetcher=Limits(2048, "2", 2 * SERVICE_PROCESSES),
            shared_buffers=2048,
            redis_memory=256,
            minings=16,
        ),
    }
)
"""By the setting `size`."""


def max_connections(processors: int) -> int:
    """Return PostgreSQL's connections for so many processors: a pool of four for each of two databases."""
    return CONNECTIONS + 8 * processors
