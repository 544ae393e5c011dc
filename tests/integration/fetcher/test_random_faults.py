"""Minings of servers with random faults."""

import random
from dataclasses import replace

import pytest

from fetcher.ports import Trouble
from tests.support.fetcher_stack import QUICK, Stack, mails, odd_stack
from tests.support.imap.mail import Folder
from tests.support.imap.random_faults import draw_fault
from tests.support.imap.server import ImapServer

SEEDS = range(40)
CAPABILITIES = ("", "ESEARCH", "ESEARCH SPECIAL-USE LIST-EXTENDED")


def is_said(stack: Stack, messages: int, connections: int) -> bool:
    """Mine, and return whether all messages were read, or else it was said that some were not."""
    try:
        outcome = stack.mine(connections=connections)
    except Trouble:
        return True
    ledger = outcome.ledger
    if ledger is None:
        return not outcome.finished
    return bool(ledger["failed"] or ledger["folders_failed"]) or ledger["fetched"] == messages


@pytest.mark.parametrize("seed", SEEDS)
def test_all_or_said(seed: int) -> None:
    """A mining reads everything or says that it did not, and once the server works, all of it has been counted once."""
    drawn = random.Random(seed)
    names = ("INBOX", "a", "R&-D", "R&D")
    folders = {
        name: Folder(dict(enumerate(mails(drawn.randrange(40), start=100 * number), start=1)))
        for number, name in enumerate(names)
    }
    messages = sum(len(folder.messages) for folder in folders.values())
    with ImapServer(folders, capabilities=drawn.choice(CAPABILITIES)) as server:
        server.faults = [draw_fault(drawn) for _ in range(drawn.randrange(1, 3))]
        stack = odd_stack(server, read_timeout_seconds=0.5)
        stack.pace = replace(QUICK, patience_seconds=0.12)

        said = is_said(stack, messages, drawn.choice([1, 2]))
        server.faults.clear()
        while stack.mine().resumed:
            pass

    assert said
    assert len(stack.minings.counted) == messages
