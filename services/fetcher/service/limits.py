"""What one caller can take: a share of places, and a number of failures a minute, counted in memory."""

import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address
from math import ceil

from fetcher.exits import Busy

MOST_FAILURES = 10
WINDOW_SECONDS = 60.0
MOST_KEYS = 10_000
"""Callers that are remembered at once. Each takes less than a kilobyte; the ones that failed longest ago go first."""


def has_share(user: str, takers: Iterable[str], most: int) -> bool:
    """Return whether a user can take one more of `most` places, given who has each taken one.

    Everybody can have as many as are still free. So one user alone gets half of them, and the more users there are, the
    less each gets.
    """
    taken = Counter(takers)
    return taken[user] < most - taken.total()


class TooOften(Busy):
    """Somebody failed so often that the next try must wait for `retry_seconds`."""

    def __init__(self, sentence: str, retry_seconds: int = 60) -> None:
        super().__init__(sentence)
        self.retry_seconds = retry_seconds


class Limits:
    """Counts failures by key. After MOST_FAILURES within a minute, the next try is refused. Threads may share it."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Start without any failures."""
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, key: str, what: str) -> None:
        """Raise TooOften, which names `what` failed, if the key has no try left now."""
        with self._lock:
            failures = self._recent(key)
            if len(failures) < MOST_FAILURES:
                return
            wait = max(1, ceil(failures[0] + WINDOW_SECONDS - self._clock()))
        raise TooOften(f"Too many {what} failed: try again in {wait} s.", wait)

    def count(self, key: str) -> None:
        """Count a failure."""
        with self._lock:
            failures = self._recent(key)
            failures.append(self._clock())
            self._failures[key] = failures
            self._failures.move_to_end(key)
            while len(self._failures) > MOST_KEYS:
                self._failures.popitem(last=False)

    def _recent(self, key: str) -> deque[float]:
        failures = self._failures.get(key) or deque(maxlen=MOST_FAILURES)
        while failures and failures[0] <= self._clock() - WINDOW_SECONDS:
            failures.popleft()
        return failures


def place_of(address: str | None) -> str:
    """Return the part of a caller's address that a caller cannot choose: an IPv4 address, or the first half of IPv6.

    A household or server gets at least 64 bits of IPv6 addresses.
    """
    try:
        found = ip_address((address or "").partition("%")[0])
    except ValueError:
        return "local"  # a Unix socket has no address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))
