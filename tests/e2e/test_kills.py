"""Repeated kill -9 of every process: each message is counted once, and nothing is left behind.

Each run prints its seed; set KILLS_SEED to repeat the moments of its kills.
"""

import os
import random
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import Popen

import pytest

from tests.support.dovecot import Dovecot
from tests.support.house import Account, House, kill, wait_until

KILLS = 20
LOOK_SECONDS = 0.002
RECOVERY_SECONDS = 30.0
"""How much longer a mining may take if something was killed during it."""
SHRINK = 0.8
"""The factor that shortens the time span of the kills when a mining ends before its kill."""
SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))

Kill = Callable[[House, "Popen[str]", random.Random], bool]


@dataclass(frozen=True)
class Undisturbed:
    """An undisturbed mining: its account, and its seconds from the first stored segment to the end."""

    account: Account
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(house: House, dovecot: Dovecot) -> Undisturbed:
    """Mine undisturbed twice; the kills are spread over the time of the faster mining, which had warm caches."""
    runs = [mine_undisturbed(house, dovecot, f"undisturbed-{turn}") for turn in range(2)]
    assert runs[0].account == runs[1].account
    assert house.leftovers() == {}
    return min(runs, key=lambda run: run.seconds)


@dataclass(frozen=True)
class Struck:
    """A mining with a kill: the moment, whether a job was unacknowledged at that moment, and the total seconds."""

    user: str
    moment: float
    busy: bool
    seconds: float


def mine_undisturbed(house: House, dovecot: Dovecot, user: str) -> Undisturbed:
    """Mine for a user, and measure the time."""
    command = house.start_mine(user, dovecot.port)
    wait_until(lambda: stores(house, command), look_seconds=LOOK_SECONDS)
    seconds = wait_until(lambda: house.client.minings(user)[0]["state"] == "finished", look_seconds=LOOK_SECONDS)
    assert house.end_command(command).code == 0
    return Undisturbed(house.account(user), seconds)


def stores(house: House, command: "Popen[str]") -> bool:
    """Return whether a mining has stored its first segment."""
    assert command.poll() is None, house.end_command(command)
    return bool(house.stored())


def kill_fetcher(_house: House, command: "Popen[str]", _chance: random.Random) -> bool:
    """Kill the command `mine`."""
    return kill(command)


def kill_processor(house: House, _command: "Popen[str]", chance: random.Random) -> bool:
    """Kill one of the processors; its supervisor starts it again."""
    processor = chance.choice(house.processors)
    assert kill(processor.process), "the processor had already ended"
    processor.launch()
    return True


def kill_postgres(house: House, _command: "Popen[str]", _chance: random.Random) -> bool:
    """Kill PostgreSQL; its supervisor starts it again."""
    house.postgres.restart()
    return True


def kill_valkey(house: House, _command: "Popen[str]", _chance: random.Random) -> bool:
    """Kill Valkey; its supervisor starts it again."""
    house.valkey.restart()
    return True


@pytest.mark.parametrize(
    "strike",
    [
        pytest.param(strike, marks=pytest.mark.xdist_group(strike.__name__))
        for strike in (kill_fetcher, kill_processor, kill_postgres, kill_valkey)
    ],
)
def test_kills_change_nothing(house: House, dovecot: Dovecot, undisturbed: Undisturbed, strike: Kill) -> None:
    """Whatever is killed, and whenever, contacts are identical byte for byte, and the ledger is the same."""
    chance = random.Random(f"{SEED} {strike.__name__}")
    say(f"KILLS_SEED={SEED}; undisturbed: {undisturbed.seconds:.2f} s")
    seconds = undisturbed.seconds
    hits: list[bool] = []

    for share in chance.sample(range(KILLS), KILLS):
        while (struck := mine_struck(house, dovecot, seconds, share, strike, chance)) is None:
            seconds *= SHRINK  # the machine has become faster
        say(str(struck))
        hits.append(struck.busy)

        assert house.account(struck.user) == undisturbed.account
        assert house.leftovers() == {}
        assert struck.seconds < undisturbed.seconds + RECOVERY_SECONDS

    assert len(hits) == KILLS
    assert sum(hits) >= KILLS / 4, "too few kills came while a job was unacknowledged"


def say(line: str) -> None:
    """Print a line into the test's report."""
    sys.stdout.write(f"{line}\n")


def mine_struck(
    house: House, dovecot: Dovecot, seconds: float, share: int, strike: Kill, chance: random.Random
) -> Struck | None:
    """Mine for a new user, with a kill in one share of the time; return None if the mining ended before the kill.

    The time starts with the first stored segment. The moment within a share is random, so that the moments are spread
    evenly. The command survives every kill except its own, after which it is run again.
    """
    moment = seconds * (share + chance.random()) / KILLS
    user, began = f"{strike.__name__} {uuid.uuid4()}", time.monotonic()
    command = house.start_mine(user, dovecot.port)
    wait_until(lambda: stores(house, command), look_seconds=LOOK_SECONDS)
    time.sleep(moment)
    busy = house.jobs() > 0
    struck = command.poll() is None and strike(house, command, chance)
    said = house.end_command(command)
    if struck and strike is kill_fetcher:
        said = house.mine(user, dovecot.port)
    assert said.code == 0, said
    wait_until(lambda: not house.leftovers(), seconds=RECOVERY_SECONDS)
    return Struck(user, moment, busy, time.monotonic() - began) if struck else None
