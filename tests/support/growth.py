"""How much longer something takes if there is twice as much of it: by CPU time, and by ratios, not by a clock."""

import gc
import time
from collections.abc import Callable
from typing import Final, TypeVar

SMALLEST: Final = 2_000
LARGEST: Final = 16_000
ENOUGH_SECONDS: Final = 0.025
"""Ratios of shorter times say little. What takes no longer at the largest size is fast enough, whatever its growth."""
LINEAR: Final = 3.0
"""Twice as much takes twice as long if time is linear, four times as long if it is quadratic."""
CLEARLY_LINEAR: Final = (1.6, 2.4)
"""A factor in this range needs no second measurement."""
TRIES: Final = 4

Case = TypeVar("Case")


def growth(read: Callable[[Case], object], make: Callable[[int], Case], *, largest: int = LARGEST) -> float:
    """Return the factor by which the time grows when a case doubles for the last time; 0 if it is always short.

    The case doubles until reading it takes long enough. A busy machine can make one time longer, so a factor that is
    not clearly that of linear time is measured again, and the smallest counts.
    """
    size, large = SMALLEST, make(SMALLEST)
    taken = cpu_seconds(read, large, times=1)
    while size < largest:
        size, small, large, before = size * 2, large, make(size * 2), taken
        taken = cpu_seconds(read, large, times=1)
        if taken >= ENOUGH_SECONDS:
            factor = taken / max(before, 1e-6)
            lowest, highest = CLEARLY_LINEAR
            return factor if lowest <= factor <= highest else _last_factor(read, small, large)
    return 0.0


def _last_factor(read: Callable[[Case], object], small: Case, large: Case) -> float:
    factors: list[float] = []
    while len(factors) < TRIES and (not factors or factors[-1] >= LINEAR):
        factors.append(cpu_seconds(read, large) / max(cpu_seconds(read, small), 1e-6))
    return min(factors)


def cpu_seconds(read: Callable[[Case], object], case: Case, *, times: int = 2) -> float:
    """Return the CPU time of the fastest of several readings, without the garbage collector's.

    It looks at all objects now and then, also at those of other tests, which would hide or invent growth.
    """
    taken = []
    gc.disable()
    try:
        for _ in range(times):
            begun = time.process_time()
            read(case)
            taken.append(time.process_time() - begun)
    finally:
        gc.enable()
    return min(taken)
