"""A fault ends a mining with one sentence and a specific exit code; once it is fixed, the same command resumes."""

import resource
import signal
from collections.abc import Callable
from subprocess import Popen

import psutil
import pytest

from fetcher.exits import Exit
from tests.support.dovecot import Dovecot
from tests.support.house import Account, House, Said

FILE_BYTES = 4096
"""Smaller than any segment of the mailbox."""
NOBODY = "redis://127.0.0.1:1"


def fill_disk(command: "Popen[str]") -> None:
    """Stop a process's files from growing, as on a full disk."""
    psutil.Process(command.pid).rlimit(psutil.RLIMIT_FSIZE, (FILE_BYTES, resource.RLIM_INFINITY))


def mine_on_a_full_disk(house: House, friendly: Dovecot, user: str) -> Said:
    """Mine on a disk that fills up once some segments are stored."""
    command = house.start_mine(user, friendly.port)
    house.stop_half_way(command)
    fill_disk(command)
    command.send_signal(signal.SIGCONT)
    return house.end_command(command)


def mine_without_redis(house: House, friendly: Dovecot, user: str) -> Said:
    """Mine without a queue, and press Ctrl-C once a segment is stored whose job cannot be sent."""
    command = house.start_mine(user, friendly.port, settings={"REDIS_URL": NOBODY})
    house.stop_half_way(command)
    command.send_signal(signal.SIGINT)
    command.send_signal(signal.SIGCONT)
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
    baseline: Account,
    break_off: Callable[[House, Dovecot, str], Said],
    code: Exit,
    named: tuple[str, ...],
) -> None:
    """One sentence says where and what to do, without a traceback; resuming gives the usual result."""
    said = break_off(house, friendly, break_off.__name__)

    resumed = house.mine(break_off.__name__, friendly.port)

    assert said.code == code, said
    assert [part for part in named if part.format(house=house) not in said.err] == []
    assert "Traceback" not in said.err
    assert said.err.count("leadminer: ") == 1
    assert resumed.code == Exit.OK, resumed
    assert house.account(break_off.__name__) == baseline
