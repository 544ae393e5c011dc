"""How long and how often a server that refuses is asked again."""

import threading
import time

import pytest

from fetcher.imap.patience import VAIN_OUTAGES, Outage, Patience


class Waits(threading.Event):
    """An event that records how long it is waited for, and sets the clock forward instead of waiting."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        self.seconds: list[float] = []
        monkeypatch.setattr(time, "monotonic", lambda: sum(self.seconds))

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0.0)
        return self.is_set()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> Waits:
    """Return an event in place of the halt."""
    return Waits(monkeypatch)


def bear(outage: Outage, *, tries: int | None = None, pause: bool = True) -> int:
    """Return how often an outage is tried again."""
    count = 0
    while outage.bear(tries=tries, pause=pause):
        count += 1
    return count


def test_pauses_grow_until_the_patience_is_over(waits: Waits) -> None:
    """Two minutes of patience are eight tries, after pauses that double up to half a minute."""
    assert bear(Outage(Patience(120, waits))) == 8
    assert [round(pause) for pause in waits.seconds] == [1, 2, 4, 8, 16, 30, 30, 29]


def test_a_limit_of_tries(waits: Waits) -> None:
    """A refusal without a passing reason is tried a few times, without pauses if so asked."""
    assert bear(Outage(Patience(120, waits)), tries=2, pause=False) == 2
    assert waits.seconds == []


def test_after_an_outage_in_vain_the_next_one_is_not_waited_out(waits: Waits) -> None:
    """Once a server has refused for all of the patience, it is asked once more each time, until it gives something."""
    patience = Patience(120, waits)

    patience.in_vain()
    impatient = bear(Outage(patience), pause=False)
    patience.given()

    assert (impatient, bear(Outage(patience))) == (1, 8)


def test_at_last_nothing_is_asked(waits: Waits) -> None:
    """After enough outages in vain, the server is left alone; whatever it gives starts the count again."""
    patience = Patience(120, waits)

    for _ in range(VAIN_OUTAGES):
        patience.in_vain()
    spent = patience.spent
    patience.given()

    assert (spent, patience.spent) == (True, False)


def test_a_halt_ends_the_wait(waits: Waits) -> None:
    """Once the mining has to stop, there is no further try."""
    waits.set()

    assert bear(Outage(Patience(120, waits))) == 0
