"""The progress of a mining: bars with totals, rate and time left on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from fetcher.commands.terminal import Terminal, number
from fetcher.mining.outcome import Progress as State

WAITING = ("connecting", "planning")
"""The states in which there is nothing to count yet."""
LABELS = {
    "connecting": "Connecting",
    "planning": "Listing",
    "fetching": "Reading",
    "processing": "Processing",
    "refining": "Merging",
    "teardown": "Finishing",
}
"""What a person reads for each stage."""
AFTER_REFINING = ("teardown", "finished")
"""The states in which all chunks are refined and no longer counted."""
MAX_BAR = 40
MIN_BAR = 8
"""The longest bar; and the shortest that says anything, below which there is none."""
SPEED_ROOM = len(" 12,345/s 12:34 left")
"""The room kept for the speed beside a bar, so that all bars have one length."""
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
            return f"refining: {percent(state.chunks_refined, state.chunks)}"
        if state.state not in self._paces:
            return state.state
        count, total = counts(state)[state.state]
        pace = self._paces[state.state]
        rate, left = pace.per_second, pace.seconds_left(total)
        speed = "" if rate is None else f", {rate:,.0f}/s"
        rest = "" if left is None else f", {clock_time(left)} left"
        return f"{state.state}: {number(count)} of {number(total)} messages{speed}{rest}"


class Bars:
    """Progress as one line per stage, redrawn in place."""

    def __init__(self, progress: Progress, stop: Event, clock: Callable[[], float] = time.monotonic) -> None:
        """Add the lines of the stages to rich's progress."""
        self._progress, self._remarks = progress, Remarks(stop)
        self._tasks: dict[str, TaskID] = {}
        self._paces = {"fetching": Pace(clock), "processing": Pace(clock)}
        self._widest = 0

    def watch(self, state: State) -> None:
        """Draw what has changed."""
        for remark in self._remarks.due(state):
            self._progress.console.print(remark, soft_wrap=True)
        if state.state in WAITING:
            self._draw("fetching", 0, None, LABELS[state.state])
        else:
            for stage, (count, total) in counts(state).items():
                if total is not None and state.listed != 0:
                    self._draw(stage, count, total)
            if state.listed == 0:
                self._remove("fetching")
            if state.listed == 0 or state.state == "teardown":
                self._draw("teardown", 0, None)
        self._progress.refresh()

    def settle(self) -> None:
        """Leave only what stays true: no speed and no time left, and no line for what has no count."""
        for task in self._progress.tasks:
            if task.total is None:
                self._progress.remove_task(task.id)
            else:
                self._progress.update(task.id, rate="", left="")
        self._progress.refresh()

    def _remove(self, stage: str) -> None:
        if stage in self._tasks:
            self._progress.remove_task(self._tasks.pop(stage))

    def _draw(self, stage: str, count: int, total: int | None, label: str = "") -> None:
        rate = left = ""
        if total is not None and (pace := self._paces.get(stage)):
            pace.add(count)
            rate, left = _speed(pace, total)
            self._widest = max(self._widest, len(f"{total:,}/{total:,}"))
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(LABELS[stage], total=total, rate="", left="", widest=0)
        self._progress.update(
            self._tasks[stage],
            description=label or LABELS[stage],
            completed=count,
            total=total,
            rate=rate,
            left=left,
            widest=self._widest,
        )


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
def shown(
    terminal: Terminal, stop: Event, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[State], None]]:
    """Yield the function that shows each state: as bars if the error output is a terminal, else as lines."""
    if not terminal.err.is_terminal or terminal.err.is_dumb_terminal:
        yield Lines(terminal, stop, clock).watch
        return
    ascii_only = terminal.err.options.ascii_only
    spinner = SpinnerColumn("line" if ascii_only else "dots", finished_text="*" if ascii_only else "✓")
    with Progress(spinner, Stage(terminal.err), console=terminal.err) as progress:
        bars = Bars(progress, stop, clock)
        try:
            yield bars.watch
        finally:
            bars.settle()


class Stage(ProgressColumn):
    """A stage's name, bar, count, speed and time left, as much of it as the terminal's width has room for."""

    def __init__(self, console: Console) -> None:
        """Fit into the console's width, which may change."""
        super().__init__(table_column=Column(no_wrap=True))
        self._console = console

    def render(self, task: Task) -> Text:
        """Return the line. Until there is a total, it says how long it has taken."""
        room = self._console.width - 2
        if task.total is None:
            return Text(f"{task.description:<10} {clock_time(task.elapsed or 0)}"[:room])
        done, total = int(task.completed), int(task.total)
        count = percent(done, total) if task.description == LABELS["refining"] else f"{done:,}/{total:,}"
        line = Text(f"{task.description:<10} ")
        bar = min(MAX_BAR, room - len(line) - task.fields["widest"] - SPEED_ROOM - 1)
        if bar >= MIN_BAR:
            line.append_text(self._bar(done, total, bar)).append(" ")
        line.append(count, "progress.download")
        rate, left = task.fields["rate"], task.fields["left"]
        speeds = (f" {rate} {left}", f" {left}") if left else ()
        line.append(next((speed for speed in speeds if len(line) + len(speed) <= room), ""))
        line.truncate(room)
        return line

    def _bar(self, done: int, total: int, width: int) -> Text:
        mark = "-" if self._console.options.ascii_only else "━"
        if done >= total:
            return Text(mark * width, "bar.finished")
        full = width * done // total
        return Text(mark * full, "bar.complete").append(mark * (width - full), "bar.back")


def counts(state: State) -> dict[str, tuple[int, int | None]]:
    """Return (done, total) for each stage: messages read, messages processed, chunks refined; None if not known.

    A stage that is over is complete, whatever this run saw of it: an earlier run may have done it.
    """
    read, settled, refining = _read(state), _settled(state), state.state == "refining"
    if state.state in (*WAITING, "fetching"):
        stored = None if state.listed is None else max(state.listed - state.left_out, settled)
        return {"fetching": (read, state.listed), "processing": (settled, stored), "refining": (0, None)}
    if not state.cancelled:
        read = max(read, state.listed or 0)
    read = max(read, settled)
    over = refining or state.state in AFTER_REFINING
    stored = settled if over else max(read - state.left_out, settled)
    parts = state.chunks_refined if refining else state.chunks
    return {
        "fetching": (read, read),
        "processing": (settled, stored),
        "refining": (parts, state.chunks) if over and state.chunks else (0, None),
    }


def percent(done: int, total: int) -> str:
    """Return a share as a percentage, which is 100 only if all is done."""
    return f"{100 * done // total if total else 100}%"


def clock_time(seconds: float) -> str:
    """Return a duration as m:ss, or as h:mm:ss if it is an hour or longer."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _read(state: State) -> int:
    return state.fetched + state.left_out


def _settled(state: State) -> int:
    return state.processed + state.duplicate + state.dead


def _speed(pace: Pace, total: int | None) -> tuple[str, str]:
    """Return the rate and the time left, for a stage that is not complete."""
    rate, left = pace.per_second, pace.seconds_left(total)
    if rate is None or not left:
        return "", ""
    return f"{rate:,.0f}/s", f"{clock_time(left)} left"
