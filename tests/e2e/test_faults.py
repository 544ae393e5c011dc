"""A fault ends a mining with one sentence and a specific exit code; once it is fixed, the same command resumes."""

import resource
import signal
import time
from collections.abc import Callable, Iterator
from subprocess import Popen

import psutil
import pytest

from fetcher.commands.interruption import GRACE_SECONDS
from fetcher.exits import Exit
from tests.support.dovecot import Dovecot
from tests.support.fetcher_stack import mails
from tests.support.house import Account, House, Said, wait_until
from tests.support.imap.commands import Command
from tests.support.imap.faults import on, refused
from tests.support.imap.listener import Wire, listening
from tests.support.imap.mail import Folder
from tests.support.imap.server import ImapServer

FILE_BYTES = 4096
"""Smaller than any segment of the mailbox."""
NOBODY = "redis://127.0.0.1:1"
MESSAGES = 450
END_SECONDS = 5.0


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


def test_what_the_server_does_not_give_is_left_to_the_same_command(house: House, user: str) -> None:
    """A mailbox that gives nothing ends a mining with 75 and a ledger that says so; the next one reads everything."""
    fault = on("UID FETCH", refused("NO failed"), containing=b"BODY")
    with ImapServer({"INBOX": Folder(dict(enumerate(mails(MESSAGES), start=1)))}, faults=[fault]) as server:
        said = house.mine(user, server.port)
        server.faults.clear()
        again = house.mine(user, server.port)

    assert said.code == Exit.INTERRUPTED, said
    assert f"failed {MESSAGES} (unavailable {MESSAGES}): balances" in said.out
    assert "is finished" not in said.out
    assert "run the same command again" in said.err
    assert again.code == Exit.OK, again
    assert house.counted(user) == MESSAGES


def drip(server: ImapServer, drop: bytes, seconds: float) -> Iterator[bytes]:
    """Send the same bytes again and again until the server is closed."""
    while not server.closing.wait(seconds):
        yield drop


STALLS: dict[str, Callable[[ImapServer], Iterator[bytes]]] = {
    "hangs": lambda server: drip(server, b"", 0.05),
    "trickles": lambda server: drip(server, b"*", 0.05),
    "floods": lambda server: drip(server, b"* 1 FETCH (FLAGS ())\r\n" * 5_000, 0.0),
}


@pytest.mark.parametrize("stall", STALLS.values(), ids=STALLS)
@pytest.mark.parametrize(("number", "command"), [(signal.SIGINT, "UID FETCH"), (signal.SIGTERM, "LIST")])
def test_a_signal_ends_a_mining_whatever_the_server_does(
    house: House, user: str, stall: Callable[[ImapServer], Iterator[bytes]], number: signal.Signals, command: str
) -> None:
    """It ends within seconds, says how to resume, and the same command then reads everything."""

    def answer(_: Command, __: Iterator[bytes]) -> Iterator[bytes]:
        yield from stall(server)

    with ImapServer({"INBOX": Folder(dict(enumerate(mails(MESSAGES), start=1)))}) as server:
        server.faults.append(on(command, answer, containing=b"BODY" if command == "UID FETCH" else b""))
        process = house.start_mine(user, server.port)
        wait_until(lambda: bool(server.count(command)))
        began = time.monotonic()
        process.send_signal(number)
        said = house.end_command(process)
        seconds = time.monotonic() - began
        server.faults.clear()
        resumed = house.mine(user, server.port)

    assert (said.code, "Traceback" in said.err) == (Exit.INTERRUPTED, False), said
    assert "run the same command again" in said.err
    assert seconds < END_SECONDS
    assert resumed.code == Exit.OK, resumed
    assert house.counted(user) == MESSAGES


def test_a_second_signal_ends_a_mining_at_once(house: House, user: str) -> None:
    """A second SIGTERM does not wait for a server that says nothing, not even a greeting."""
    reached: list[Wire] = []

    def part(wire: Wire) -> None:
        reached.append(wire)
        wire.ended.wait()

    with listening(part) as port:
        process = house.start_mine(user, port)
        wait_until(lambda: bool(reached))
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        time.sleep(0.1)  # two signals at the same moment are one
        process.send_signal(signal.SIGTERM)
        said = house.end_command(process)
        seconds = time.monotonic() - began

    assert said.code == Exit.STOPPED, said
    assert "Stopped immediately" in said.err
    assert seconds < GRACE_SECONDS
