"""The deployed Worker, in the real workerd, stays within the platform's limits for an invocation and an isolate."""

import pytest

from bench.cloudflare import largest_segment
from bench.corpus import CorpusUnavailable
from schemas.limits import D1_QUERIES, WORKER_CONNECTIONS, WORKER_MEMORY_BYTES
from schemas.segments import MAX_BYTES, TEXT_CAP_BYTES
from tests.support.cloudflare.deployment import Deployment
from tests.support.fixtures import require
from tests.support.stack import Folder, mail

INTERLEAVED = 4


@pytest.fixture(scope="module")
def largest() -> list[bytes]:
    """Return the messages of a segment of the maximum size."""
    try:
        return largest_segment()
    except CorpusUnavailable as error:
        require(False, str(error))
        raise


def test_four_of_the_largest_segments_at_once_fit_into_memory(deployment: Deployment, largest: list[bytes]) -> None:
    """Four interleaved invocations with a maximum-size segment each stay far below the isolate's memory."""
    size = len(largest)
    segments = [
        [body.replace(b"Message-ID: <", b"Message-ID: <%d." % turn) for body in largest] for turn in range(INTERLEAVED)
    ]
    begun = deployment.begin("large")
    jobs = deployment.store(begun, Folder(segments))

    verdicts = deployment.deliver(*([job] for job in jobs))
    deployment.fetched(begun)
    deployment.finish(begun)

    assert sum(map(len, largest)) > MAX_BYTES - 2 * TEXT_CAP_BYTES
    assert [len(verdict["explicitAcks"]) for verdict in verdicts] == [1] * INTERLEAVED
    assert deployment.report(begun)["ledger"]["processed"] == INTERLEAVED * size
    # The Python heap never shrinks, so this is its peak. The runtime needs more memory for its own read buffers.
    assert deployment.meters()["heap_bytes"] < WORKER_MEMORY_BYTES * 3 // 4


def test_a_full_batch_keeps_to_the_limits_of_an_invocation(deployment: Deployment) -> None:
    """Batches of ten jobs of any kind stay within the limits for open connections and D1 statements."""
    segments = [[mail(100 * number + n, sender=f"p{n}@firm{number}.com") for n in range(20)] for number in range(20)]
    begun = deployment.begin("many", chunks=64)
    jobs = deployment.store(begun, Folder(segments))

    deployment.deliver(jobs[:10], jobs[10:])
    deployment.fetched(begun)
    deployment.finish(begun)

    peaks = deployment.meters()["peaks"]
    assert 0 < peaks["connections"] <= WORKER_CONNECTIONS
    assert 0 < peaks["statements"] <= D1_QUERIES
