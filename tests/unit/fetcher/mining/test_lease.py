"""A lease is renewed now and then, and at once when somebody says that there is news."""

import threading
import time

import pytest

from fetcher.mining.lease import Keeper
from fetcher.mining.outcome import Pace
from processor.jobs.sweep import LEASE_SECONDS
from schemas.minings import Begun, Status

PATIENCE_SECONDS = 5.0


class Renewals:
    """The processor's API as a keeper uses it; counts renewals, and says that the mining is cancelled if it is."""

    def __init__(self) -> None:
        self.count = 0
        self.cancelled = False

    def renew(self, user: str, *, mining: str, lease: int) -> Status:
        """Renew the lease."""
        self.count += 1
        return Status(mining, "fetching", cancelled=self.cancelled)


def keep(renewals: Renewals, halt: threading.Event, wake: threading.Event, *, lease_seconds: float) -> Keeper:
    """Return a keeper that renews three times per lease."""
    begun = Begun("m", False, "fetching", lease=1, lease_seconds=lease_seconds)
    return Keeper(
        renewals,  # type: ignore[arg-type]
        "local",
        begun,
        halt=halt,
        renew_seconds=Pace().renew_seconds,
        patience_seconds=PATIENCE_SECONDS,
        wake=wake,
    )


def test_a_cancellation_is_heard_when_the_keeper_is_woken() -> None:
    """Fetching ends at once, long before the next renewal is due."""
    renewals, halt, wake = Renewals(), threading.Event(), threading.Event()

    with keep(renewals, halt, wake, lease_seconds=LEASE_SECONDS):
        renewals.cancelled = True
        began = time.monotonic()
        wake.set()
        heard = halt.wait(PATIENCE_SECONDS)

    assert heard
    assert time.monotonic() - began < PATIENCE_SECONDS
    assert renewals.count == 2


def test_the_end_waits_for_no_renewal() -> None:
    """A keeper whose mining is fetched ends at once, without another renewal."""
    renewals = Renewals()
    began = time.monotonic()

    with keep(renewals, threading.Event(), threading.Event(), lease_seconds=LEASE_SECONDS):
        pass

    assert renewals.count == 1
    assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.parametrize("lease_seconds", [0.3])
def test_a_short_lease_is_renewed_in_time(lease_seconds: float) -> None:
    """However long the usual pause is, a lease is renewed three times before it ends."""
    renewals = Renewals()

    with keep(renewals, threading.Event(), threading.Event(), lease_seconds=lease_seconds):
        time.sleep(5 * lease_seconds)

    assert renewals.count > 3


def test_three_renewals_may_be_missed() -> None:
    """The usual pause is a third of the lease that the processor gives."""
    assert Pace().renew_seconds == LEASE_SECONDS / 3
