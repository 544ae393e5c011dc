"""The progress of a mining: bars with totals, rate and time left on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TextColumn,
)
from rich.text import Text

from fetcher.commands.terminal import Terminal, number
from fetcher.mining.outcome import Progress as State

WAITING = ("connecting", "planning")
"""The states in which there is nothing to count yet."""
AFTER_REFINING = ("teardown", "finished")
"""The states in which all chunks are refined and no longer counted."""
LINE_SECONDS = 5.0
"""The time between two plain lines for the same state."""
STOPPING = "Finishing the messages in flight, for at most 3 seconds. Press Ctrl-C again to stop immediately."
RESUMED = "Resuming the unfinished mining of this mailbox."


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


class Remarks:
    """The remarks that are shown once: that a mining is resumed, and what Ctrl-C does."""

    def __init__(self, stop: Event) -> None:
        """Take the event that Ctrl-C sets."""
        self._stop = stop
        self._said: set[str] = set()

    def due(self, state: State) -> list[str]:
        """Return the remarks that apply now and have not been shown yet."""
        due = [text for text, holds in ((RESUMED, state.resumed), (STOPPING, self._stop.is_set())) if holds]
        fresh = [text for text in due if text not in self._said]
        self._said.update(fresh)
        return fresh


class Lines:
    """Progress as plain lines: one for each change of state, and one every few seconds."""

    def __init__(self, terminal: Terminal, stop: Event, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to the terminal's error output; `stop` is the event that Ctrl-C sets."""
        self._terminal, self._remarks, self._clock = terminal, Remarks(stop), clock
        self._paces = {"fetching": Pace(clock), "processing": Pace(clock)}
        self._said: tuple[str, float] = ("", 0.0)

    def watch(self, state: State) -> None:
        """Write a line if there is something new to show."""
        for remark in self._remarks.due(state):
            self._terminal.tell(remark)
        if state.state not in WAITING:
            self._paces["fetching"].add(_read(state))
            self._paces["processing"].add(_settled(state))
        now = self._clock()
        if state.state == self._said[0] and now < self._said[1] + LINE_SECONDS:
            return
        self._said = (state.state, now)
        self._terminal.tell(self._line(state))

    def _line(self, state: State) -> str:
        if state.state == "refining":
            return f"refining: {state.chunks_refined} of {state.chunks} parts"
        if state.state not in self._paces:
            return state.state
        count, total = counts(state)[state.state]
        pace = self._paces[state.state]
        rate, left = pace.per_second, pace.seconds_left(total)
        speed = "" if rate is None else f", {rate:,.0f}/s"
        rest = "" if left is None else f", {clock_time(left)} left"
        return f"{state.state}: {number(count)} of {number(total)} messages{speed}{rest}"


class Bars:
    """Progress as one bar per stage, redrawn in place."""

    def __init__(self, progress: Progress, stop: Event) -> None:
        """Add the bars of the stages to rich's progress."""
        self._progress, self._remarks = progress, Remarks(stop)
        self._tasks: dict[str, TaskID] = {}
        self._paces = {"fetching": Pace(), "processing": Pace()}

    def watch(self, state: State) -> None:
        """Draw what has changed."""
        for remark in self._remarks.due(state):
            self._progress.console.print(remark)
        if state.state in WAITING:
            self._draw("fetching", 0, None, state.state)
            return
        for stage, (count, total) in counts(state).items():
            if total is not None or stage == "processing":
                self._draw(stage, count, total)
        if state.state in AFTER_REFINING and "refining" in self._tasks:
            task = self._tasks["refining"]
            self._progress.update(task, completed=next(one.total for one in self._progress.tasks if one.id == task))

    def _draw(self, stage: str, count: int, total: int | None, speed: str = "") -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total, speed="")
        if stage in self._paces and not speed:
            self._paces[stage].add(count)
            speed = _speed(self._paces[stage], total)
        self._progress.update(self._tasks[stage], completed=count, total=total, speed=speed)


class Latest:
    """The latest progress of a mining, shown until it is closed."""

    def __init__(self, mining: str, show: Callable[[State], None]) -> None:
        """Show with `show`."""
        self.progress = State(mining)
        self._show: Callable[[State], None] | None = show

    def watch(self, state: State) -> None:
        """Note and show a progress; after `close`, only note it."""
        self.progress = state
        if self._show is not None:
            self._show(state)

    def close(self) -> None:
        """Show nothing more."""
        self._show = None


@contextmanager
def shown(terminal: Terminal, stop: Event) -> Iterator[Callable[[State], None]]:
    """Yield the function that shows each state: as bars if the error output is a terminal, else as lines."""
    if not terminal.err.is_terminal or terminal.err.is_dumb_terminal:
        yield Lines(terminal, stop).watch
        return
    columns: tuple[ProgressColumn, ...] = (
        SpinnerColumn(finished_text="✓"),
        TextColumn("{task.description:<10}"),
        BarColumn(),
        _Count(),
        TextColumn("{task.fields[speed]}"),
    )
    with Progress(*columns, console=terminal.err) as progress:
        yield Bars(progress, stop).watch


def counts(state: State) -> dict[str, tuple[int, int | None]]:
    """Return (done, total) for each stage: messages read, messages processed, chunks refined; None if not known."""
    fetching = state.state in (*WAITING, "fetching")
    stored = None if state.listed is None else state.listed - state.left_out
    return {
        "fetching": (_read(state), state.listed),
        "processing": (_settled(state), stored),
        "refining": (state.chunks_refined, None if fetching or not state.chunks else state.chunks),
    }


def clock_time(seconds: float) -> str:
    """Return a duration as m:ss, or as h:mm:ss if it is an hour or longer."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _read(state: State) -> int:
    return state.fetched + state.left_out


def _settled(state: State) -> int:
    return state.processed + state.duplicate + state.dead


def _speed(pace: Pace, total: int | None) -> str:
    rate, left = pace.per_second, pace.seconds_left(total)
    if rate is None:
        return ""
    return f"{rate:,.0f}/s" + (f"  {clock_time(left)} left" if left else "")


class _Count(MofNCompleteColumn):
    """Counts with thousands separators."""

    def render(self, task: Task) -> Text:
        total = None if task.total is None else int(task.total)
        return Text(f"{int(task.completed):,}/{number(total)}", style="progress.download")
