"""How fast a count grows, and how long the rest takes at that pace."""

import time
from collections.abc import Callable


class Pace:
    """How fast a count grows from the first value seen, so that an earlier run's work does not count as speed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Use `clock`, which returns seconds."""
        self._clock = clock
        self._start: tuple[int, float] | None = None
        self._last: tuple[int, float] = (0, 0.0)

    def add(self, count: int) -> None:
        """Record the current count."""
        now = self._clock()
        if self._start is None:
            self._start = (count, now)
        if count != self._last[0]:
            self._last = (count, now)

    @property
    def per_second(self) -> float | None:
        """Return how much the count grows per second, or None until that is known."""
        if self._start is None or self._last[0] <= self._start[0]:
            return None
        return (self._last[0] - self._start[0]) / max(self._last[1] - self._start[1], 0.001)

    def seconds_left(self, total: int | None) -> float | None:
        """Return how many seconds the rest takes at this pace, or None if that is not known."""
        rate = self.per_second
        return None if rate is None or total is None else max(0.0, (total - self._last[0]) / rate)
