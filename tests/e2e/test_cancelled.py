"""When a mining ends early, what was counted stays counted, and the next mining continues from there."""

import signal
import time
from subprocess import Popen
from urllib.parse import quote

import pytest

from demo.people import OWNER
from fetcher.exits import Exit
from schemas.ledger import Ledger
from tests.support.dovecot import Dovecot
from tests.support.house import Account, House, kill, slowed, wait_until

LEASE_SECONDS = 60.0
CANCEL_SECONDS = LEASE_SECONDS + 15.0
"""The limit for cancelling: a dead fetcher's lease has to expire first; the rest is slack for a busy machine."""


def start_and_stop(house: House, friendly: Dovecot, user: str) -> "Popen[str]":
    """Start mining, and stop the fetcher's process once it has stored some segments but not all."""
    command = house.start_mine(user, friendly.port)
    house.stop_half_way(command)
    return command


def ledgers(house: House, user: str) -> list[Ledger]:
    """Return the ledgers of a user's minings, oldest first; all minings must have ended, and all ledgers balance."""
    wait_until(lambda: not house.leftovers())
    found = [Ledger.from_json(mining["ledger"]) for mining in reversed(house.client.minings(user))]
    assert [ledger.imbalance() for ledger in found] == [[] for _ in found]
    return found


def test_the_next_mining_goes_on_where_a_cancelled_one_stopped(
    house: House, friendly: Dovecot, baseline: Account
) -> None:
    """Together they count every message once and give the same contacts as one undisturbed mining."""
    command = start_and_stop(house, friendly, "cancelled")
    with slowed(command):
        said = house.leadminer("cancel", "--user", "cancelled")
    first = house.end_command(command)
    [cut_off] = ledgers(house, "cancelled")

    again = house.mine("cancelled", friendly.port)

    assert (said.code, first.code, again.code) == (Exit.OK, Exit.INTERRUPTED, Exit.OK)
    _, rest = ledgers(house, "cancelled")
    assert 0 < cut_off.skipped["cancelled"] == rest.listed
    assert 0 < cut_off.processed < baseline.messages == cut_off.processed + rest.processed
    assert house.counted("cancelled") == baseline.messages
    assert house.contacts("cancelled") == baseline.contacts


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_mining_without_its_fetcher_is_cancelled_within_seconds(
    house: House, friendly: Dovecot, baseline: Account, how: signal.Signals
) -> None:
    """`cancel` cleans up after a killed or hung fetcher, partial files included, and the next mining continues."""
    user = f"left by {how.name}"
    command = start_and_stop(house, friendly, user)
    command.send_signal(how)
    [mining] = house.client.minings(user)
    half = house.raw / mining["id"] / "0123456789abcdef" / "7" / ".part-0123456789abcdef"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half a segment")
    began = time.monotonic()

    said = house.leadminer("cancel", "--user", user)

    seconds = time.monotonic() - began
    wait_until(lambda: not house.leftovers(), seconds=CANCEL_SECONDS)
    command.send_signal(signal.SIGCONT)
    ended = house.end_command(command)
    assert said.code == Exit.OK
    assert seconds < CANCEL_SECONDS
    assert ended.code == (-signal.SIGKILL if how == signal.SIGKILL else Exit.INTERRUPTED), ended
    assert house.mine(user, friendly.port).code == Exit.OK
    cut_off, rest = ledgers(house, user)
    assert cut_off.skipped["cancelled"] == rest.listed > 0
    assert cut_off.processed + rest.processed == baseline.messages
    assert house.contacts(user) == baseline.contacts


def test_a_damaged_store_costs_its_segments_alone(house: House, friendly: Dovecot, baseline: Account) -> None:
    """Resuming skips damaged segments: they are dead in a balanced ledger, and the next mining reads them."""
    command = start_and_stop(house, friendly, "damaged")
    kill(command)
    for key in house.stored():
        (house.raw / key).write_bytes(b"\x00 damaged")

    resumed = house.mine("damaged", friendly.port)
    again = house.mine("damaged", friendly.port)

    first, rest = ledgers(house, "damaged")
    assert resumed.code == (Exit.NOT_WELL if first.dead else Exit.OK), resumed
    assert again.code == Exit.OK
    assert set(first.dead) <= {"unreadable"}
    assert rest.listed == sum(first.dead.values())
    assert house.counted("damaged") == baseline.messages
    assert house.contacts("damaged") == baseline.contacts


def test_ctrl_c_says_how_to_resume(house: House, friendly: Dovecot, baseline: Account) -> None:
    """The first Ctrl-C stops cleanly, and the command that it prints finishes the mining with the usual result."""
    command = start_and_stop(house, friendly, "interrupted")
    command.send_signal(signal.SIGINT)
    command.send_signal(signal.SIGCONT)
    said = house.end_command(command)
    under_way = house.client.minings("interrupted")[0]["state"]

    again = house.mine("interrupted", friendly.port)

    assert said.code == Exit.INTERRUPTED
    assert "run the same command again" in said.err
    assert f"leadminer mine imap://{quote(OWNER, safe='')}@127.0.0.1:{friendly.port} --user interrupted" in said.err
    assert under_way == "fetching"
    assert again.code == Exit.OK
    assert house.account("interrupted") == baseline
