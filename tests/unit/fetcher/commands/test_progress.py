"""Progress shows totals, rate and time left, and says how to stop."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.progress import Task, TaskID

from fetcher.commands.lines import Lines
from fetcher.commands.progress import LABELS, Stage, shown
from fetcher.commands.stages import STOPPING, clock_time, counts
from fetcher.commands.terminal import Terminal
from fetcher.mining.outcome import Progress
from fetcher.mining.pace import Pace
from tests.support.screen import Screen

WIDTHS = (40, 80, 120)
BEGUN = Progress("m", state="fetching", listed=3_936, fetched=200, chunks=16)
READ = replace(BEGUN, state="processing", fetched=3_936, processed=3_000, duplicate=160)
MINED = (
    Progress("m"),
    Progress("m", state="planning"),
    BEGUN,
    replace(BEGUN, fetched=2_000, processed=900, duplicate=100),
    READ,
    replace(READ, state="refining", processed=3_776, chunks_refined=4),
    replace(READ, state="teardown", processed=3_776),
    replace(READ, state="finished", processed=3_776),
)
"""A mining from its start to its end."""


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_pace_counts_from_what_was_there_at_the_start() -> None:
    """Messages that an earlier run fetched do not count toward the speed."""
    clock = Clock()
    pace = Pace(clock)

    pace.add(5_000)
    clock.now = 10.0
    pace.add(5_500)

    assert pace.per_second == pytest.approx(50.0)
    assert pace.seconds_left(6_000) == pytest.approx(10.0)


def test_nothing_is_said_of_a_pace_that_is_not_known() -> None:
    """There is no rate before the count grows, and no time left without a total."""
    clock = Clock()
    pace = Pace(clock)

    pace.add(0)
    before = (pace.per_second, pace.seconds_left(10))
    clock.now = 1.0
    pace.add(5)

    assert before == (None, None)
    assert pace.seconds_left(None) is None


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3_661, "1:01:01")])
def test_time_left_is_written_as_on_a_clock(seconds: float, text: str) -> None:
    """Time left is shown in minutes and seconds, with hours only if there are any."""
    assert clock_time(seconds) == text


def test_every_stage_has_its_total() -> None:
    """Messages that were left out count as read and need no processing."""
    state = Progress(
        "m", state="fetching", listed=100, fetched=60, left_out=10, processed=40, duplicate=5, dead=1, chunks=16
    )

    assert counts(state) == {"fetching": (70, 100), "processing": (46, 90), "refining": (0, None)}


def test_lines_come_at_changes_and_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """Plain lines appear at each change of state and every few seconds, so a log is not flooded."""
    clock = Clock()
    lines = Lines(Terminal(), Event(), clock)

    for now, fetched in ((0.0, 0), (0.5, 100), (1.0, 200), (6.0, 1_200)):
        clock.now = now
        lines.watch(Progress("m", state="fetching", listed=2_400, fetched=fetched))
    lines.watch(Progress("m", state="refining", chunks=16, chunks_refined=4))

    assert capsys.readouterr().err.splitlines() == [
        "fetching: 0 of 2,400 messages",
        "fetching: 1,200 of 2,400 messages, 200/s, 0:06 left",
        "refining: 25%",
    ]


def test_something_is_said_while_nothing_happens(capsys: pytest.CaptureFixture[str]) -> None:
    """A stage that hangs or waits is named again within two seconds, although no progress is reported."""
    clock, said = Clock(), ""
    with shown(Terminal(), Event(), clock) as watch:
        watch(Progress("m"))
        clock.now = 1.75
        until = time.monotonic() + 10
        while said.count("\n") < 2 and time.monotonic() < until:
            time.sleep(0.01)
            said += capsys.readouterr().err

    assert said.splitlines() == ["connecting", "connecting"]


def test_what_an_earlier_run_did_is_not_in_the_rate(capsys: pytest.CaptureFixture[str]) -> None:
    """The rate of a resumed mining does not include what the earlier run did."""
    clock = Clock()
    lines = Lines(Terminal(), Event(), clock)

    for now, state, fetched in ((0.0, "connecting", 0), (1.0, "fetching", 8_000), (6.0, "fetching", 8_500)):
        clock.now = now
        lines.watch(Progress("m", state=state, listed=9_000, fetched=fetched))

    assert capsys.readouterr().err.splitlines()[-1] == "fetching: 8,500 of 9,000 messages, 100/s, 0:05 left"


def test_what_ctrl_c_does_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    """After the first Ctrl-C, one line says what a second one does."""
    stop = Event()
    with shown(Terminal(), stop) as watch:
        watch(Progress("m", state="fetching", listed=10))
        stop.set()
        watch(Progress("m", state="fetching", listed=10))
        watch(Progress("m", state="fetching", listed=10))

    assert capsys.readouterr().err.splitlines().count(STOPPING) == 1


@contextmanager
def watching(
    width: int, clock: Callable[[], float] = time.monotonic
) -> Iterator[tuple[Screen, Callable[[Progress], None]]]:
    """Yield a screen, and the function that shows progress on it."""
    screen, terminal = Screen(width), Terminal()
    terminal.err = screen.console
    with shown(terminal, Event(), clock) as watch:
        yield screen, watch


def bare(line: str) -> str:
    """Return a line without its spinner, bar, speed and time left."""
    return re.sub(r"━+ | [\d,]+/s.*| \d+:\d\d.*", "", line[2:]).strip()


@pytest.mark.parametrize("width", WIDTHS)
def test_each_stage_has_one_line_that_fits(width: int) -> None:
    """From the start to the end, every screen has one line per stage, in order, with its count."""
    screens = []
    with watching(width) as (screen, watch):
        for state in MINED:
            watch(state)
            screens.append([bare(line) for line in screen.lines()])

    reading, processing = ("Reading    3,936/3,936", "Processing 3,936/3,936")
    assert screens == [
        ["Connecting"],
        ["Listing"],
        ["Reading    200/3,936", "Processing 0/3,936"],
        ["Reading    2,000/3,936", "Processing 1,000/3,936"],
        [reading, "Processing 3,160/3,936"],
        [reading, processing, "Merging    25%"],
        [reading, processing, "Merging    100%", "Finishing"],
        [reading, processing, "Merging    100%", "Finishing"],
    ]


@pytest.mark.parametrize(("width", "bar"), [(40, 0), (60, 15), (80, 35), (120, 40), (200, 40)])
def test_what_stays_on_the_screen_is_done(width: int, bar: int) -> None:
    """In the end each stage is complete, with a bar if there is room, and no speed or time left is shown."""
    with watching(width) as (screen, watch):
        for state in MINED:
            watch(state)

    bars = ["━" * bar] if bar else []
    assert [line.split() for line in screen.lines()] == [
        ["✓", "Reading", *bars, "3,936/3,936"],
        ["✓", "Processing", *bars, "3,936/3,936"],
        ["✓", "Merging", *bars, "100%"],
    ]


@pytest.mark.parametrize(
    ("width", "speed"), [(40, r" \d:\d\d left"), (80, r" [\d,]+/s \d+:\d\d left"), (120, r" [\d,]+/s \d+:\d\d left")]
)
def test_speed_and_time_left_are_shown_if_they_fit(width: int, speed: str) -> None:
    """A stage that is not complete ends with the speed and the time left, on a narrow terminal with that alone."""
    clock = Clock()
    with watching(width, clock) as (screen, watch):
        for clock.now, fetched in ((0.0, 1_000), (1.0, 3_110)):
            watch(replace(BEGUN, fetched=fetched))
        line = screen.lines()[0]

    assert re.search(rf"3,110/3,936{speed}$", line)
    assert len(line) <= width


@pytest.mark.parametrize("width", WIDTHS)
def test_a_second_mining_shows_no_empty_bar(width: int) -> None:
    """If there is nothing to read, no stage is counted; a line shows that it still runs, and nothing is left."""
    with watching(width) as (screen, watch):
        for state in ("connecting", "planning", "fetching", "processing", "refining", "teardown"):
            watch(Progress("m", state=state, listed=None if state in ("connecting", "planning") else 0, chunks=16))
        running = screen.lines()

    assert [bare(line) for line in running] == ["Finishing"]
    assert screen.lines() == [""]


@pytest.mark.parametrize("width", WIDTHS)
def test_a_mining_that_an_earlier_run_read_is_not_shown_as_unread(width: int) -> None:
    """A run that resumes while messages are processed did not read them, but they are read."""
    with watching(width) as (screen, watch):
        watch(Progress("m", state="connecting"))
        watch(Progress("m", resumed=True, state="processing", listed=900, processed=300, chunks=16))
        lines = screen.lines()

    assert [bare(line) for line in lines[-2:]] == ["Reading    900/900", "Processing 300/900"]


def test_a_stage_without_a_count_says_every_second_that_it_runs() -> None:
    """Between two states, such as while a slow server answers, the time on the line goes on."""
    clock, screen = Clock(), Screen(40)
    task = Task(TaskID(0), "Connecting", None, 0, _get_time=clock)
    task.start_time = 0.0

    texts = []
    for clock.now in (0.0, 1.0, 2.0, 61.0):
        texts.append(Stage(screen.console).render(task).plain)

    assert texts == ["Connecting 0:00", "Connecting 0:01", "Connecting 0:02", "Connecting 1:01"]


def test_an_interrupted_mining_leaves_no_time_left() -> None:
    """After Ctrl-C, the lines keep their counts, and the speed and the time left, which are over, are gone."""
    clock = Clock()
    with watching(80, clock) as (screen, watch):
        for clock.now, fetched in ((0.0, 100), (1.0, 200)):
            watch(replace(BEGUN, fetched=fetched))
        running = screen.lines()

    assert "left" in running[0]
    assert [bare(line) for line in screen.lines()] == ["Reading    200/3,936", "Processing 0/3,936"]
    assert "left" not in " ".join(screen.lines())


@settings(max_examples=25)
@given(
    st.integers(40, 200),
    st.lists(st.tuples(*(st.integers(0, 5_000_000) for _ in range(3))), min_size=1, max_size=4),
    st.sampled_from(["fetching", "processing", "refining", "teardown"]),
    st.booleans(),
)
def test_no_screen_contradicts_itself(
    width: int, numbers: list[tuple[int, int, int]], last: str, cancelled: bool
) -> None:
    """At any width, for any counts: a line per stage, no count above its total, and none processed that is not read."""
    listed = max(sum(each) for each in zip(*numbers, strict=True))
    with watching(width) as (screen, watch):
        for fetched, processed, left_out in sorted(numbers):
            watch(
                Progress(
                    "m",
                    state=last,
                    cancelled=cancelled,
                    listed=listed,
                    fetched=min(fetched, listed - min(left_out, listed)),
                    left_out=min(left_out, listed),
                    processed=min(processed, fetched, listed - min(left_out, listed)),
                    chunks=16,
                    chunks_refined=8,
                )
            )
            lines = screen.lines()

    found = [re.search(r"([\d,]+)/([\d,]+)", line) for line in lines]
    pairs = [tuple(int(number.replace(",", "")) for number in each.groups()) for each in found if each]
    assert len(lines) <= len(LABELS)
    assert all(len(line) <= width for line in lines)
    assert all(done <= total for done, total in pairs)
    if len(pairs) == 2:
        assert pairs[1][0] <= pairs[0][0]
