"""Sizes: the limits of the containers, and matching settings for the servers in them."""

from dataclasses import dataclass, replace
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Limits:
    """A container's limits: memory in MiB (without swap), CPUs, and processes of its account."""

    memory: int
    cpus: str
    """With a decimal, as Docker's provider reads it back: `1` would replace the container at each `up`."""
    processes: int = 0


@dataclass(frozen=True, slots=True)
class Size:
    """The limits of each service, and settings that follow from them; memory in MiB."""

    postgres: Limits
    redis: Limits
    processor: Limits
    fetcher: Limits
    shared_buffers: int
    """A quarter of PostgreSQL's memory."""
    redis_memory: int
    """Half of Redis' memory: while Redis rewrites its file, it may hold every page twice."""
    minings: int
    """How many minings a fetcher runs at once."""


CONNECTIONS = 20
"""PostgreSQL connections for people, dumps and migrations, besides four per processor and database."""
OTHER_PROCESSES = 100
"""Processes of the servers, besides PostgreSQL's one per connection."""
SERVICE_PROCESSES = 256
"""Processes of a processor or fetcher, threads included; about ten times what they use."""

_SIZES = MappingProxyType(
    {
        "small": Size(
            postgres=Limits(512, "1.0"),
            redis=Limits(128, "0.5"),
            processor=Limits(384, "1.0"),
            fetcher=Limits(384, "0.5"),
            shared_buffers=128,
            redis_memory=64,
            minings=2,
        ),
        "medium": Size(
            postgres=Limits(2048, "2.0"),
            redis=Limits(256, "1.0"),
            processor=Limits(512, "1.0"),
            fetcher=Limits(768, "1.0"),
            shared_buffers=512,
            redis_memory=128,
            minings=6,
        ),
        "large": Size(
            postgres=Limits(8192, "4.0"),
            redis=Limits(512, "1.0"),
            processor=Limits(768, "1.0"),
            fetcher=Limits(2048, "2.0"),
            shared_buffers=2048,
            redis_memory=256,
            minings=16,
        ),
    }
)


def size_for(name: str, *, processors: int) -> Size:
    """Return a size by name, with process limits for this number of processors.

    The kernel counts the processes of an account across all containers. PostgreSQL and Redis have the same account
    number in their images, and the fetcher and the processors share one by design. So each limit covers both.
    """
    size = _SIZES[name]
    servers, services = max_connections(processors) + OTHER_PROCESSES, SERVICE_PROCESSES * (processors + 1)
    return replace(
        size,
        postgres=replace(size.postgres, processes=servers),
        redis=replace(size.redis, processes=servers),
        processor=replace(size.processor, processes=services),
        fetcher=replace(size.fetcher, processes=services),
    )


def max_connections(processors: int) -> int:
    """Return PostgreSQL's connection limit: each processor has a pool of four connections to each of two databases."""
    return CONNECTIONS + 8 * processors
