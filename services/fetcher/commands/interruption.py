"""Handle Ctrl-C and SIGTERM: the first finishes what is in flight, a second Ctrl-C stops now."""

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
        """Start with `asked` unset."""
        self.asked = threading.Event()

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Set `asked`; if it is already set, raise KeyboardInterrupt on Ctrl-C."""
        if number == signal.SIGINT and self.asked.is_set():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            raise KeyboardInterrupt
        self.asked.set()


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
