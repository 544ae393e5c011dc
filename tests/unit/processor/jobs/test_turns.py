"""No step of a mining holds up the processor's other tasks: its API, and the renewal of what it works on."""

import asyncio
import time
from asyncio.events import Handle

import pytest

from tests.support.stack import Folder, Stack, mail

LONGEST_SECONDS = 0.05
FOLDERS = 3_000
SEGMENTS = 100
LARGE = [
    mail(number, more="X-Filler: " + "x" * 900 + "\r\n") + b"to a%d@example.com\r\n" % number * 400
    for number in range(300)
]


@pytest.fixture
def longest(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return a list whose only element is the longest turn so far, in seconds of this thread's processor time."""
    found = [0.0]
    run = Handle._run

    def measured(handle: Handle) -> None:
        begun = time.thread_time()
        run(handle)
        found[0] = max(found[0], time.thread_time() - begun)

    monkeypatch.setattr(Handle, "_run", measured)
    return found


async def test_a_large_segment_and_many_folders(stack: Stack, longest: list[float]) -> None:
    """Reading a large segment, planning 3,000 folders and deleting many objects leave turns to others."""
    begun = await stack.begin()
    folders = [Folder([LARGE])]
    folders += [
        Folder([[mail(1_000 + number)]] if number < SEGMENTS else [], name=f"Folder {number}")
        for number in range(FOLDERS)
    ]
    jobs = await asyncio.to_thread(stack.store, begun, *folders)
    longest[0] = 0.0

    await stack.fetched(begun)
    await stack.queue.send(jobs)
    await stack.drain()

    assert (await stack.report(begun))["ledger"]["processed"] == len(LARGE) + SEGMENTS
    assert longest[0] < LONGEST_SECONDS
