"""Handle Ctrl-C and SIGTERM: the first finishes what is in flight, if that is quick, and a second one stops now."""

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

GENTLE = (signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 2.5
"""How long what is in flight may take after the first signal. With the end of our own servers, the command then ends
within five seconds, whatever the mail server does. Messages that were not stored by then are still in the mailbox."""
LOOK_SECONDS = 0.05
Handler = Callable[[int, FrameType | None], None]
T = TypeVar("T")


class OutOfTime(Exception):
    """What was in flight did not end in time after the first signal."""


class Interruption:
    """Whether the user asked to stop; `asked` is set by the first signal."""

    def __init__(self) -> None:
        """Start with `asked` unset."""
        self.asked = threading.Event()

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Set `asked`; if it is already set, raise KeyboardInterrupt, except for a terminal that closes twice."""
        if self.asked.is_set() and number != signal.SIGHUP:
            for each in (signal.SIGINT, signal.SIGTERM):
                signal.signal(each, signal.SIG_DFL)
            raise KeyboardInterrupt
        self.asked.set()

    def run(self, act: Callable[[], T], *, grace_seconds: float = GRACE_SECONDS) -> T:
        """Return the result of `act`, which runs in a thread of its own, so that signals are handled whatever it does.

        Raises OutOfTime if it has not ended `grace_seconds` after the first signal. It may then still run, and ends
        with the process.
        """
        done: Future[T] = Future()
        if not self.asked.is_set():
            threading.Thread(target=_fulfil, args=(done, act), name="command", daemon=True).start()
            while not done.done() and not self.asked.is_set():
                wait([done], LOOK_SECONDS)
            wait([done], grace_seconds)
        if not done.done():
            raise OutOfTime
        return done.result()


def _fulfil(done: "Future[T]", act: Callable[[], T]) -> None:
    try:
        done.set_result(act())
    except BaseException as error:
        done.set_exception(error)


@contextmanager
def gentle_stop() -> Iterator[Interruption]:
    """Yield an Interruption that the signals set; restore the previous handlers at the end."""
    interruption = Interruption()
    with _handled((signal.SIGINT, *GENTLE), interruption.handle):
        yield interruption


@contextmanager
def terminable() -> Iterator[None]:
    """Make SIGTERM and a closed terminal end a command like Ctrl-C, so that whatever it started is stopped too."""
    with _handled(GENTLE, _interrupt):
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _handled(numbers: tuple[signal.Signals, ...], handler: Handler) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
