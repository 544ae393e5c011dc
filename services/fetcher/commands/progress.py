"""The progress of a mining: bars with totals, rate and time left on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TaskID
from rich.table import Column
from rich.text import Text

from fetcher.commands.lines import Lines, repeated
from fetcher.commands.stages import WAITING, Remarks, clock_time, counts, percent
from fetcher.commands.terminal import Terminal
from fetcher.mining.outcome import Progress as State
from fetcher.mining.pace import Pace

LABELS = {
    "connecting": "Connecting",
    "planning": "Listing",
    "fetching": "Reading",
    "processing": "Processing",
    "refining": "Merging",
    "teardown": "Finishing",
    "failing": "Finishing",
}
"""What a person reads for each stage."""
MAX_BAR = 40
MIN_BAR = 8
"""The longest bar; and the shortest that says anything, below which there is none."""
SPEED_ROOM = len(" 12,345/s 12:34 left")
"""The room kept for the speed beside a bar, so that all bars have one length."""


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
        with repeated(Lines(terminal, stop, clock)) as lines:
            yield lines.watch
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


def _speed(pace: Pace, total: int | None) -> tuple[str, str]:
    """Return the rate and the time left, for a stage that is not complete."""
    rate, left = pace.per_second, pace.seconds_left(total)
    if rate is None or not left:
        return "", ""
    return f"{rate:,.0f}/s", f"{clock_time(left)} left"
