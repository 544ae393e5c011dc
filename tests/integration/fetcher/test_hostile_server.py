"""Servers that answer with nonsense."""

import pytest

from fetcher.ports import Trouble
from tests.support.fetcher_stack import IMPATIENT, Stack, ledger_of, odd_stack
from tests.support.odd_imap import OddImap

COMMANDS = ["CAPABILITY", "LOGIN", "LIST", "STATUS", "EXAMINE", "SEARCH", "FETCH", "LOGOUT"]
JUNK = {
    "unknown": b"* FOO bar\r\n",
    "no response": b"hello\r\n",
    "open list": b'* LIST ((( "/" INBOX\r\n',
    "bad name": b'* LIST () "/" "&&&"\r\n',
    "no atom": b'* LIST () "/" NIL\r\n',
    "bad numbers": b"* x EXISTS\r\n* OK [UIDVALIDITY x] what\r\n* SEARCH x y 99999999999999999999\r\n",
    "bad status": b"* STATUS INBOX (MESSAGES\r\n",
    "bad fetch": b"* 1 FETCH (UID x BODY[] {2}\r\nab\r\n",
    "foreign fetch": b"* 1 FETCH (UID 9999 RFC822.SIZE 2 BODY[]<0> {2}\r\nab)\r\n",
    "huge literal": b"* 1 FETCH (UID 1 BODY[]<0> {99999999999}\r\n",
    "negative": b"* 1 FETCH (UID -1 RFC822.SIZE -5)\r\n",
    "endless line": b"* OK " + b"x" * 1_100_000 + b"\r\n",
    "bytes": bytes(range(256)) + b"\r\n",
    "goodbye": b"* BYE too much\r\n",
    "go on": b"+ go on\r\n",
    "foreign tag": b"A1 OK done\r\n",
    "bare newline": b"* OK\n",
}


def impatient(odd: OddImap) -> Stack:
    """Return a stack that waits for nothing long."""
    stack = odd_stack(odd, read_timeout_seconds=0.3)
    stack.pace = IMPATIENT
    return stack


def mine_to_the_end(stack: Stack) -> str:
    """Mine and return the error's sentence, if there is one; otherwise the ledger must balance."""
    try:
        ledger = ledger_of(stack.mine(connections=1))
    except Trouble as trouble:
        return str(trouble)
    assert ledger["listed"] in (0, 450)
    return "Finished."


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
def test_nonsense(odd: OddImap, command: str, junk: bytes) -> None:
    """Whatever junk precedes an answer, a mining ends with a balanced ledger or with a sentence."""
    odd.junk = {command: junk}

    sentence = mine_to_the_end(impatient(odd))

    assert sentence.endswith(".")
    assert "xxxx" not in sentence


def test_more_messages_than_a_folder_has(odd: OddImap) -> None:
    """If a server claims that every possible UID exists, it is asked in another way instead of fetching each one."""
    odd.capabilities = "IMAP4rev1 ESEARCH"
    odd.junk = {"SEARCH": b'* ESEARCH (TAG "A1") UID ALL 1:4294967295\r\n'}

    outcome = impatient(odd).mine(connections=1)

    assert ledger_of(outcome) == {"listed": 450, "fetched": 450, "skipped": {}, "failed": {}}
