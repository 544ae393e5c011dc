"""Retry calls to services that do not answer."""

import threading
from collections.abc import Callable
from typing import TypeVar

import tenacity

from fetcher.ports import Unavailable

LONGEST_PAUSE_SECONDS = 5.0
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
