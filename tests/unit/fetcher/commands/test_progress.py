"""Progress shows totals, rate and time left, and says how to stop."""

from threading import Event

import pytest

from fetcher.commands.progress import STOPPING, Lines, Pace, clock_time, counts, shown
from fetcher.commands.terminal import Terminal
from fetcher.mining.outcome import Progress


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
        "refining: 4 of 16 parts",
    ]


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
