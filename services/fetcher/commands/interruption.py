"""Ctrl-C and SIGTERM: once to finish what is in flight, twice to stop now."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

GENTLE = (signal.SIGTERM, signal.SIGHUP)
Handler = Callable[[int, FrameType | None], None]


class Interruption:
    """Whether the user asked to stop; `asked` is set by the first signal."""

    def __init__(self) -> None:
        """Begin with nobody having asked."""
        self.asked = threading.Event()

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Set `asked`; raise KeyboardInterrupt at a Ctrl-C that follows."""
        if number == signal.SIGINT and self.asked.is_set():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            raise KeyboardInterrupt
        self.asked.set()


@contextmanager
def gentle_stop() -> Iterator[Interruption]:
    """Give an Interruption that the signals set, and put back what handled them before."""
    interruption = Interruption()
    with _handled((signal.SIGINT, *GENTLE), interruption.handle):
        yield interruption


@contextmanager
def terminable() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end a command as Ctrl-C does, so that what it started is stopped too."""
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
