"""A mining that resumes from a dump counts every message once, whenever the dump was made."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.backups import MINING, PERMANENT, Backups
from tests.support.servers import Postgres, Valkey
from tests.support.stack import Folder, Stack, mail, open_stack

SEGMENTS, MESSAGES = 12, 5


@pytest.fixture
def backups(tmp_path: Path) -> Iterator[Backups]:
    """Yield the script on a server of its own."""
    with Postgres() as server:
        made = Backups(server, tmp_path)
        made.prepare()
        yield made


def mailbox() -> Folder:
    """Return a folder whose messages share a sender, and each copy another person."""
    return Folder(
        [
            [mail(number, more=f"Cc: person{number}@acme.com\r\n") for number in range(first, first + MESSAGES)]
            for first in range(0, SEGMENTS * MESSAGES, MESSAGES)
        ]
    )


async def work_slowly(stack: Stack) -> None:
    """Do all jobs one by one, slowly, so that a mining takes as long as several dumps."""
    while (delivery := await stack.queue.receive(wait_seconds=0.001)) is not None:
        await stack.work(delivery.job)
        await stack.queue.settle(delivery)
        await asyncio.sleep(0.2)


async def end_unfinished(stack: Stack) -> None:
    """Sweep and work until no mining is unfinished."""
    while await stack.rows("minings"):
        await stack.sweeper.sweep()
        await stack.drain()


async def test_what_goes_on_from_a_dump_counts_once(backups: Backups, valkey: Valkey, tmp_path: Path) -> None:
    """After restoring any dump made during a mining, mining the mailbox again gives the same contacts.

    The raw mail and the jobs are lost, as if only the dumps were left. Messages that the dump has counted must not be
    counted again, and all others must be.
    """
    database = backups.server.conninfo(PERMANENT)
    async with open_stack(database, valkey.fresh_url(), tmp_path / "raw") as stack:
        begun = await stack.begin()
        await stack.queue.send(stack.store(begun, mailbox()))
        await stack.fetched(begun)
        mining = asyncio.create_task(work_slowly(stack))
        names = []
        while not mining.done():
            names.append(await asyncio.to_thread(backups.run, "dump", BACKUPS_KEPT="99"))
        await mining
        wanted = await stack.contacts()
    assert len(wanted) == SEGMENTS * MESSAGES + 1
    assert len(names) > 2

    unfinished = 0
    for name in names:
        await asyncio.to_thread(backups.run, "restore", name, "--discard")
        shutil.rmtree(tmp_path / "raw")
        async with open_stack(database, valkey.fresh_url(), tmp_path / "raw") as stack:
            unfinished += await stack.rows("minings")
            await end_unfinished(stack)
            await stack.mine(mailbox())
            assert await stack.contacts() == wanted, name
    assert unfinished
    assert backups.psql(MINING, "SELECT count(*) FROM messages") == str(SEGMENTS * MESSAGES)
