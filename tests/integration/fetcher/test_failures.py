"""What a mining says about what it could not read."""

import json
from collections.abc import Iterator

import pytest

from fetcher.mining.failures import Failure
from tests.support.fetcher_stack import mails, odd_stack
from tests.support.imap.commands import Command
from tests.support.imap.faults import on, refused, rewritten, without
from tests.support.imap.mail import Folder, numbers
from tests.support.imap.server import Fault, ImapServer

NO = "NO [SERVERBUG2] it is\x1b[31m broken"
HEARD = "[SERVERBUG2] it is [31m broken"


def refuse_the_second(command: Command, answer: Iterator[bytes]) -> Iterator[bytes]:
    """Answer NO to a FETCH if the second message is among those asked for."""
    return refused(NO)(command, answer) if 2 in numbers(command.words[0], 5) else answer


CASES: dict[str, tuple[list[Fault], list[Failure]]] = {
    "a refused folder": (
        [on("EXAMINE", refused(NO), containing=b"R&-D")],
        [Failure("R&D", "refused", said=HEARD)],
    ),
    "a refused message": (
        [on("UID FETCH", refuse_the_second, containing=b"BODY")],
        [Failure("INBOX", "refused", 1, (2,), HEARD), Failure("R&D", "refused", 1, (2,), HEARD)],
    ),
    "a message that is not sent": (
        [on("UID FETCH", without(rb"UID 3 .*BODY"))],
        [Failure("INBOX", "refused", 1, (3,)), Failure("R&D", "refused", 1, (3,))],
    ),
    "a folder that is not listed": (
        [on("UID SEARCH", rewritten(rb" 4", b"")), on("FETCH", without(rb"UID 4"))],
        [Failure("INBOX", "unlisted"), Failure("R&D", "unlisted")],
    ),
    "an unreadable line": (
        [on("LIST", rewritten(rb'"R&-D"', b'"R&-D'))],
        [Failure("", "unlisted", said='() "/" "R&-D')],
    ),
}


@pytest.mark.parametrize(("faults", "failures"), CASES.values(), ids=CASES)
def test_failures(faults: list[Fault], failures: list[Failure]) -> None:
    """The outcome names what failed, with the server's own words, and the ledger names nothing."""
    folders = {name: Folder(dict(enumerate(mails(5, start), start=1))) for start, name in ((0, "INBOX"), (9, "R&-D"))}
    with ImapServer(folders, faults=faults) as server:
        outcome = odd_stack(server).mine(connections=1)

    ledger = json.dumps(outcome.ledger)
    assert sorted(outcome.failures, key=lambda failure: failure.folder) == failures
    assert "INBOX" not in ledger
    assert "broken" not in ledger
