"""Kill -9 of everything, again and again: what is counted is counted once, and nothing is left behind.

KILLS_SEED repeats a run's moments; the seed of each run is printed.
"""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from subprocess import Popen

import pytest

from tests.e2e.house import Account, House, kill, wait_until
from tests.support.dovecot import Dovecot

KILLS = 20
LOOK_SECONDS = 0.002
RECOVERY_SECONDS = 30.0
"""How long a mining may take that something was killed under: half a minute more than an undisturbed one."""
SEED = int(os.environ.get("KILLS_SEED") or random.SystemRandom().randrange(10**6))

Kill = Callable[[House, "Popen[str]", random.Random], bool]


@dataclass(frozen=True)
class Undisturbed:
    """A mining that nothing happened to: its account, and its seconds from the first stored segment to the end."""

    account: Account
    seconds: float


@pytest.fixture(scope="module")
def undisturbed(house: House, dovecot: Dovecot) -> Undisturbed:
    """Mine in peace twice; the slower one is what the moments of the kills are spread over."""
    runs = [mine_in_peace(house, dovecot, f"undisturbed-{turn}") for turn in range(2)]
    assert runs[0].account == runs[1].account
    assert house.leftovers() == {}
    return max(runs, key=lambda run: run.seconds)


def mine_in_peace(house: House, dovecot: Dovecot, user: str) -> Undisturbed:
    """Mine for a user, and measure."""
    command = house.start_mine(user, dovecot.port)
    wait_until(lambda: stores(house, command), look_seconds=LOOK_SECONDS)
    seconds = wait_until(lambda: house.client.minings(user)[0]["state"] == "finished", look_seconds=LOOK_SECONDS)
    assert house.end_command(command).code == 0
    return Undisturbed(house.account(user), seconds)


def stores(house: House, command: "Popen[str]") -> bool:
    """Say whether a mining has stored its first segment."""
    assert command.poll() is None, house.end_command(command)
    return bool(house.stored())


def kill_fetcher(_house: House, command: "Popen[str]", _chance: random.Random) -> bool:
    """Kill the command `mine`."""
    return kill(command)


def kill_processor(house: House, _command: "Popen[str]", chance: random.Random) -> bool:
    """Kill one of the processors; its supervisor starts it again."""
    processor = chance.choice(house.processors)
    killed = kill(processor.process)
    processor.launch()
    return killed


def kill_postgres(house: House, _command: "Popen[str]", _chance: random.Random) -> bool:
    """Kill PostgreSQL; its supervisor starts it again."""
    house.postgres.restart()
    return True


def kill_valkey(house: House, _command: "Popen[str]", _chance: random.Random) -> bool:
    """Kill Valkey; its supervisor starts it again."""
    house.valkey.restart()
    return True


@pytest.mark.parametrize("strike", [kill_fetcher, kill_processor, kill_postgres, kill_valkey])
def test_kills_change_nothing(house: House, dovecot: Dovecot, undisturbed: Undisturbed, strike: Kill) -> None:
    """Whatever is killed, and whenever: the contacts are the same to the byte, and the ledger is the same."""
    chance = random.Random(f"{SEED} {strike.__name__}")
    say(f"KILLS_SEED={SEED}; undisturbed: {undisturbed.seconds:.2f} s")
    hits: list[bool] = []

    for moment in spread_moments(undisturbed.seconds, chance):
        user = f"{strike.__name__}-{len(hits)}"
        began = time.monotonic()
        hits.append(mine_struck(house, dovecot, user, moment, strike, chance))
        seconds = time.monotonic() - began
        say(f"{user}: at {moment:.2f} s{', a job under way' if hits[-1] else ''}; {seconds:.2f} s in all")

        assert house.account(user) == undisturbed.account
        assert house.leftovers() == {}
        assert seconds < RECOVERY_SECONDS

    assert sum(hits) >= KILLS / 2, "too few kills hit while a job was unacknowledged"


def say(line: str) -> None:
    """Show a line with the test's report."""
    sys.stdout.write(f"{line}\n")


def spread_moments(seconds: float, chance: random.Random) -> Iterator[float]:
    """Yield moments spread evenly over a run, each at a random place within its share, in a random order."""
    shares = list(range(KILLS))
    chance.shuffle(shares)
    for share in shares:
        yield seconds * (share + chance.random()) / KILLS


def mine_struck(house: House, dovecot: Dovecot, user: str, moment: float, strike: Kill, chance: random.Random) -> bool:
    """Mine, with a kill so long after the first segment; return whether a job was unacknowledged at that moment.

    The command itself survives every kill but its own, and is then given again.
    """
    command = house.start_mine(user, dovecot.port)
    wait_until(lambda: stores(house, command), look_seconds=LOOK_SECONDS)
    time.sleep(moment)
    busy = house.jobs() > 0
    assert strike(house, command, chance), "it had ended before it was killed"
    said = house.end_command(command)
    if strike is kill_fetcher:
        said = house.mine(user, dovecot.port)
    assert said.code == 0, said
    wait_until(lambda: not house.leftovers(), seconds=RECOVERY_SECONDS)
    return busy
