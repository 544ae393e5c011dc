"""How long the fetcher keeps trying if a service or the mail server does not do what it is asked."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import tenacity

from fetcher.ports import Unavailable

LONGEST_PAUSE_SECONDS = 5.0
FIRST_PAUSE = 1 / 120
LONGEST_PAUSE = 1 / 4
"""Pauses as shares of the patience: of two minutes, 1, 2, 4, 8, 16, 30 … seconds, so that a throttled account gets
eight commands from a connection."""
TRIES = 4
"""How often a refusal without a passing reason is tried again."""
VAIN_OUTAGES = 8
"""After so many outages in a row that did not end in time, nothing more is asked of the server."""
T = TypeVar("T")


def insist(act: Callable[[], T], *, halt: threading.Event, patience_seconds: float) -> T:
    """Return the result of `act`; while it raises Unavailable, try again with growing pauses.

    After `patience_seconds`, or once `halt` is set, raises Unavailable. `act` is always called at least once.
    """
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(Unavailable),
        wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=LONGEST_PAUSE_SECONDS, jitter=0.1),
        stop=tenacity.stop_any(tenacity.stop_after_delay(patience_seconds), tenacity.stop_when_event_set(halt)),
        sleep=tenacity.sleep_using_event(halt),
        reraise=True,
    )(act)


class Patience:
    """What the connections of one mining know together about a mail server that refuses. Safe to share.

    `served` says whether any of them has got a message. The first outage is waited out for up to `seconds`. If it does
    not end, later ones are not waited out until the server has given something again.
    """

    def __init__(self, seconds: float, halt: threading.Event) -> None:
        """Wait at most `seconds` for an outage to end, and not at all once `halt` is set."""
        self.seconds = seconds
        self.halt = halt
        self.served = False
        self._vain = 0

    @property
    def tried(self) -> bool:
        """Whether an outage was waited out in vain, and the server has given nothing since."""
        return self._vain > 0

    @property
    def spent(self) -> bool:
        """Whether the server should not be asked for anything more."""
        return self._vain >= VAIN_OUTAGES

    def given(self) -> None:
        """Note that the server did what it was asked."""
        self._vain = 0

    def in_vain(self) -> None:
        """Note that an outage did not end in time."""
        self._vain += 1


class Outage:
    """The time during which a server refuses one connection."""

    def __init__(self, patience: Patience) -> None:
        """Begin now."""
        self._patience = patience
        self._began = time.monotonic()
        self.tries = 0

    def bear(self, *, tries: int | None, pause: bool = True) -> bool:
        """Pause, longer each time, and return whether to try again, at most `tries` times."""
        patience = self._patience
        self.tries += 1
        elapsed = time.monotonic() - self._began
        if elapsed >= patience.seconds or self.tries > (1 if patience.tried else tries or self.tries):
            return False
        if pause:
            share = min(FIRST_PAUSE * 2 ** (self.tries - 1), LONGEST_PAUSE)
            patience.halt.wait(min(share * patience.seconds, patience.seconds - elapsed))
        return not patience.halt.is_set()
