"""Servers with random faults: a mining is complete, or it says that it is not, and the next one completes it."""

import os
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import pytest

from fetcher.commands.reports import is_sound
from fetcher.ports import Trouble
from schemas.ledger import Ledger
from tests.support.fetcher_stack import IMPATIENT, QUICK, Stack, mails, odd_stack
from tests.support.imap.mail import Folder
from tests.support.imap.random_faults import draw_fault
from tests.support.imap.server import ImapServer

MININGS: Final = int(os.environ.get("FAULTY_MININGS", "500"))
"""As many seeds are played, from 0 on. For a release, play 20,000."""
GROUPS: Final = 10
SIDE_BY_SIDE: Final = 12
FOLDERS: Final = {"INBOX": 20, "Work": 7, "R&-D": 1, "R&D": 3, "Empty": 0}
MESSAGES: Final = sum(FOLDERS.values())
MOST_FAULTS: Final = 3
HEALTHY_MININGS: Final = 2
"""After a disturbed mining, so many on the healthy server are enough: one that ends it, and one that reads the rest."""
TIMEOUT_SECONDS: Final = 0.5
PATIENCE_SECONDS: Final = 0.1
CAPABILITIES: Final = ("ESEARCH", "SPECIAL-USE LIST-EXTENDED", "ID")


def play(seed: int) -> str | None:
    """Mine with the faults of a seed, and then without; return what is wrong, if anything is."""
    drawn = random.Random(seed)
    folders = {
        name: Folder(dict(enumerate(mails(count, start=100 * number), start=1)))
        for number, (name, count) in enumerate(FOLDERS.items())
    }
    offered = " ".join(each for each in CAPABILITIES if drawn.random() < 0.5)
    with ImapServer(folders, capabilities=offered) as server:
        server.faults += [draw_fault(server, drawn) for _ in range(drawn.randrange(1, MOST_FAULTS + 1))]
        stack = odd_stack(server, read_timeout_seconds=TIMEOUT_SECONDS)
        stack.pace = replace(IMPATIENT, patience_seconds=PATIENCE_SECONDS)
        if is_complete(stack, connections=drawn.choice((1, 2))) and len(stack.minings.counted) != MESSAGES:
            return f"seed {seed}: exit code 0 with {len(stack.minings.counted)} of {MESSAGES} messages"
        server.faults.clear()
        stack.connect, stack.pace = odd_stack(server).connect, QUICK  # a busy machine is no fault of the server
        completed = [is_complete(stack) for _ in range(HEALTHY_MININGS)][-1]
        if not completed or len(stack.minings.counted) != MESSAGES:
            return f"seed {seed}: healthy again, but {len(stack.minings.counted)} of {MESSAGES} messages"
    return None


def is_complete(stack: Stack, *, connections: int = 2) -> bool:
    """Mine, and return whether that ends with exit code 0."""
    try:
        outcome = stack.mine(connections=connections)
    except Trouble:
        return False
    return outcome.finished and is_sound(Ledger.from_json(outcome.ledger or {}))


@pytest.mark.parametrize("group", range(GROUPS))
def test_random_faults(group: int) -> None:
    """Whatever a server does, exit code 0 means that all was read; once it is healthy, each message is read once.

    A message is known by its bytes, so what is counted at the end gives the contacts of an undisturbed mining.
    """
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wrong = [fault for fault in pool.map(play, range(group, MININGS, GROUPS)) if fault]

    assert wrong == []
