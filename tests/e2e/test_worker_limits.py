"""The deployed Worker, in the real workerd, stays within the platform's limits for an invocation and an isolate."""

import contextlib
import socket
from urllib.parse import urlsplit

import pytest

from bench.cloudflare import largest_segment
from bench.corpus import CorpusUnavailable
from schemas.limits import D1_QUERIES, WORKER_CONNECTIONS, WORKER_MEMORY_BYTES
from schemas.segments import MAX_BYTES, TEXT_CAP_BYTES
from tests.support.cloudflare.deployment import Deployment
from tests.support.fixtures import require
from tests.support.stack import Folder, mail

INTERLEAVED = 4
UPLOADS = 100
UPLOAD_BYTES = 900_000
STRANGERS_BYTES = 2 * 1024 * 1024
"""By how much strangers can make the Python heap grow."""


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
    meters = deployment.meters()
    assert meters["heap_bytes"] < meters["peaks"]["memory_bytes"] < WORKER_MEMORY_BYTES * 3 // 4


def test_an_isolate_without_memory_dies(deployment: Deployment) -> None:
    """With less memory than a job needs, the isolate dies at its first copy, and the job is delivered again."""
    begun = deployment.begin("small")
    jobs = deployment.store(begun, Folder([[mail(1)]]))
    deployment.set_limits(memory_bytes=1)

    [died] = deployment.deliver(jobs)
    deployment.set_limits()
    [done] = deployment.deliver(jobs)

    assert (died["outcome"], died["explicitAcks"]) == ("exception", [])
    assert len(done["explicitAcks"]) == 1


def test_open_uploads_without_a_token_take_no_memory(deployment: Deployment) -> None:
    """100 strangers who upload without end are refused before anything of their bodies is read."""
    deployment.local.redeploy()  # the heap of a used isolate has room that would hide the growth
    deployment.ask("POST", "/users/jo/erase", {"address": "jane@acme.com"}, token="wrong")
    before = deployment.meters()["heap_bytes"]

    with contextlib.ExitStack() as opened:
        uploads = [opened.enter_context(open_upload(deployment.local.processor)) for _ in range(UPLOADS)]
        grown = deployment.meters()["heap_bytes"] - before
        answers = [upload.recv(12) for upload in uploads]

    assert grown < STRANGERS_BYTES
    assert set(answers) == {b"HTTP/1.1 401"}


def open_upload(url: str) -> socket.socket:
    """Return a connection that has sent most of a body, as far as the other side took it, and not its end."""
    address = urlsplit(url)
    upload = socket.create_connection((address.hostname, address.port), timeout=10)
    head = f"POST /users/jo/erase HTTP/1.1\r\nHost: x\r\nContent-Length: {UPLOAD_BYTES + 1}\r\n\r\n"
    upload.sendall(head.encode())
    upload.settimeout(0.2)
    with contextlib.suppress(OSError):
        upload.sendall(b" " * UPLOAD_BYTES)
    upload.settimeout(10)
    return upload


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
