"""Refining 15,000 persons: from packed points of contact to rows of the permanent tables, teardown included."""

import asyncio
import gc
import tempfile
import time
from pathlib import Path

from bench.mailbox import repeat_messages
from processor.entry_container import COLLECT_AFTER_OBJECTS
from tests.support.servers import Postgres, Valkey
from tests.support.stack import Folder, Stack, open_stack

PERSONS = 15_000
MESSAGES = 12_000
SEGMENT_MESSAGES = 200
CHUNKS = 16


def spread_messages(count: int) -> list[bytes]:
    """Return real messages with different people in each round, so that there are as many as in a large mailbox."""
    out = []
    for number, message in enumerate(repeat_messages(count)):
        turn = number // 6000
        out.append(message.replace(b"@", b"@t%d." % turn) if turn else message)
    return out


async def refine_once(stack: Stack, user: str, messages: list[bytes]) -> tuple[int, float]:
    """Mine the messages; return how many persons were refined and how many seconds that took."""
    begun = await stack.begin(user=user, chunks=CHUNKS)
    segments = [messages[at : at + SEGMENT_MESSAGES] for at in range(0, len(messages), SEGMENT_MESSAGES)]
    await stack.queue.send(stack.store(begun, Folder(segments)))
    await stack.drain()
    await stack.fetched(begun)
    began = ended = time.perf_counter()
    while (delivery := await stack.queue.receive(wait_seconds=0.001)) is not None:
        await stack.pipeline.handle(delivery.job)
        await stack.queue.settle(delivery)
        ended = time.perf_counter()  # before the last receive, which takes 0.1 s to find the queue empty
    return sum((await stack.report(begun))["ledger"]["contacts"].values()), ended - began


async def measure(rounds: int) -> list[tuple[int, float]]:
    """Refine the same mailbox for several users in turn, in one process."""
    messages = spread_messages(MESSAGES)
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    with Postgres(durable=True) as postgres, Valkey() as valkey, tempfile.TemporaryDirectory() as folder:
        async with open_stack(postgres.fresh_database(), valkey.fresh_url(), Path(folder)) as stack:
            return [await refine_once(stack, f"user{number}", messages) for number in range(rounds)]


def refine_seconds(rounds: int = 5) -> list[float]:
    """Return the seconds per round to refine 15,000 persons, scaled from the actual number of persons."""
    return [seconds * PERSONS / persons for persons, seconds in asyncio.run(measure(rounds))]
