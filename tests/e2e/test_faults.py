"""What is broken around a mining ends it with one sentence and a code of its own; mended, the same command goes on."""

import resource
import signal
from collections.abc import Callable, Iterator
from subprocess import Popen

import psutil
import pytest

from fetcher.exits import Exit
from tests.e2e.house import Account, House, Said, wait_until
from tests.e2e.mailboxes import fill, friendly_mailbox
from tests.support.dovecot import Dovecot

LOOK_SECONDS = 0.001
MOST_SEGMENTS = 20
"""Of the 26 segments: some are left to be written."""
FILE_BYTES = 4096
"""Less than any segment of the mailbox has."""
NOBODY = "redis://127.0.0.1:1"


@pytest.fixture(scope="module")
def friendly() -> Iterator[Dovecot]:
    """Yield an IMAP server with some thousand messages."""
    with Dovecot() as server:
        fill(server, friendly_mailbox())
        yield server


@pytest.fixture(scope="module")
def undisturbed(house: House, friendly: Dovecot) -> Account:
    """Return the account of a mining that nothing happened to."""
    assert house.mine("without faults", friendly.port).code == Exit.OK
    return house.account("without faults")


def fill_disk(command: "Popen[str]") -> None:
    """Let no file of a process grow, as on a full disk."""
    psutil.Process(command.pid).rlimit(psutil.RLIMIT_FSIZE, (FILE_BYTES, resource.RLIM_INFINITY))


def mine_on_a_full_disk(house: House, friendly: Dovecot, user: str) -> Said:
    """Mine, on a disk that is full when some segments are stored."""
    command = house.start_mine(user, friendly.port)
    wait_until(lambda: bool(house.stored()), look_seconds=LOOK_SECONDS)
    command.send_signal(signal.SIGSTOP)
    assert len(house.stored()) < MOST_SEGMENTS
    fill_disk(command)
    command.send_signal(signal.SIGCONT)
    return house.end_command(command)


def mine_without_redis(house: House, friendly: Dovecot, user: str) -> Said:
    """Mine with a queue that is not there, and press Ctrl-C when a segment is stored that cannot be sent."""
    command = house.start_mine(user, friendly.port, settings={"REDIS_URL": NOBODY})
    wait_until(lambda: bool(house.stored()), look_seconds=LOOK_SECONDS)
    command.send_signal(signal.SIGINT)
    return house.end_command(command)


@pytest.mark.parametrize(
    ("break_off", "code", "named"),
    [
        (mine_on_a_full_disk, Exit.STORAGE, ("is full", "{house.raw}", "free some space")),
        (mine_without_redis, Exit.UNAVAILABLE, ("127.0.0.1:1", "REDIS_URL")),
    ],
)
def test_what_breaks_is_said_and_nothing_is_lost(
    house: House,
    friendly: Dovecot,
    undisturbed: Account,
    break_off: Callable[[House, Dovecot, str], Said],
    code: Exit,
    named: tuple[str, ...],
) -> None:
    """One sentence with the place and what to do, no traceback; afterwards it is as if nothing had happened."""
    said = break_off(house, friendly, break_off.__name__)

    resumed = house.mine(break_off.__name__, friendly.port)

    assert said.code == code, said
    assert [part for part in named if part.format(house=house) not in said.err] == []
    assert "Traceback" not in said.err
    assert said.err.count("leadminer: ") == 1
    assert resumed.code == Exit.OK, resumed
    assert house.account(break_off.__name__) == undisturbed
