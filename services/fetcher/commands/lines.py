"""The progress of a mining as plain lines, for a pipe, a file or a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock, Thread

from fetcher.commands.stages import WAITING, Remarks, clock_time, count_read, count_settled, counts, percent
from fetcher.commands.terminal import Terminal, number
from fetcher.mining.outcome import Progress as State
from fetcher.mining.pace import Pace

LINE_SECONDS = 1.5
"""The time between two plain lines for the same state."""
LOOK_SECONDS = 0.25
"""How often a line is due that no progress calls for. In all, something is said every two seconds."""


class Lines:
    """Progress as plain lines: one for each change of state, and one every few seconds. Threads can share it."""

    def __init__(self, terminal: Terminal, stop: Event, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to the terminal's error output; `stop` is the event that Ctrl-C sets."""
        self._terminal, self._remarks, self._clock = terminal, Remarks(stop), clock
        self._paces = {"fetching": Pace(clock), "processing": Pace(clock)}
        self._said: tuple[str, float] = ("", 0.0)
        self._state: State | None = None
        self._turn = Lock()

    def watch(self, state: State) -> None:
        """Write a line if there is something new to show."""
        with self._turn:
            self._state = state
            self._watch(state)

    def repeat(self, ended: Event) -> None:
        """Write what was last reported whenever a line is due, until told to end."""
        while not ended.wait(LOOK_SECONDS):
            with self._turn:
                if self._state is not None:
                    self._watch(self._state)

    def _watch(self, state: State) -> None:
        for remark in self._remarks.due(state):
            self._terminal.tell(remark)
        if state.state not in WAITING:
            self._paces["fetching"].add(count_read(state))
            self._paces["processing"].add(count_settled(state))
        now = self._clock()
        if state.state == self._said[0] and now < self._said[1] + LINE_SECONDS:
            return
        self._said = (state.state, now)
        self._terminal.tell(self._line(state))

    def _line(self, state: State) -> str:
        if state.state == "refining":
            return f"refining: {percent(state.chunks_refined, state.chunks)}"
        if state.state not in self._paces:
            return state.state
        count, total = counts(state)[state.state]
        pace = self._paces[state.state]
        rate, left = pace.per_second, pace.seconds_left(total)
        speed = "" if rate is None else f", {rate:,.0f}/s"
        rest = "" if left is None else f", {clock_time(left)} left"
        return f"{state.state}: {number(count)} of {number(total)} messages{speed}{rest}"


@contextmanager
def repeated(lines: Lines) -> Iterator[Lines]:
    """Yield the lines, and repeat the last one whenever one is due."""
    ended = Event()
    thread = Thread(target=lines.repeat, args=(ended,), name="lines", daemon=True)
    thread.start()
    try:
        yield lines
    finally:
        ended.set()
        thread.join()
