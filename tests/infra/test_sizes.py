"""Sizes keep their proportions for any number of processors."""

import pytest

from infra.docker.sizes import max_connections, size_for
from infra.settings import SIZES


@pytest.mark.parametrize("name", SIZES)
@pytest.mark.parametrize("processors", [0, 1, 99])
def test_servers_fit_into_their_limits(name: str, processors: int) -> None:
    """PostgreSQL's buffers and Redis' data leave memory free, and every connection can have its process."""
    size = size_for(name, processors=processors)

    assert size.shared_buffers * 4 == size.postgres.memory
    assert size.redis_memory * 2 == size.redis.memory
    assert max_connections(processors) < size.postgres.processes


@pytest.mark.parametrize("name", SIZES)
def test_containers_of_one_account_are_given_the_same_bound(name: str) -> None:
    """Containers of one account have the same process limit, since the kernel counts them together."""
    size = size_for(name, processors=3)

    assert size.postgres.processes == size.redis.processes
    assert size.processor.processes == size.fetcher.processes


def test_a_larger_size_is_nowhere_smaller() -> None:
    """From small to large, no limit shrinks."""
    small, medium, large = (size_for(name, processors=1) for name in SIZES)

    for less, more in ((small, medium), (medium, large)):
        assert less.minings < more.minings
        for service in ("postgres", "redis", "processor", "fetcher"):
            one, other = getattr(less, service), getattr(more, service)
            assert one.memory < other.memory
            assert float(one.cpus) <= float(other.cpus)
