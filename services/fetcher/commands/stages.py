"""What there is to say about a mining's progress: counts, speed, time left, and remarks."""

from threading import Event

from fetcher.mining.outcome import Progress as State

WAITING = ("connecting", "planning")
"""The states in which there is nothing to count yet."""
AFTER_REFINING = ("teardown", "finished")
"""The states in which all chunks are refined and no longer counted."""
STOPPING = "Finishing the messages in flight, for at most 3 seconds. Press Ctrl-C again to stop immediately."
RESUMED = "Resuming the unfinished mining of this mailbox."


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


def counts(state: State) -> dict[str, tuple[int, int | None]]:
    """Return (done, total) for each stage: messages read, messages processed, chunks refined; None if not known.

    A stage that is over is complete, whatever this run saw of it: an earlier run may have done it.
    """
    read, settled, refining = count_read(state), count_settled(state), state.state == "refining"
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


def count_read(state: State) -> int:
    """Return how many messages are read or left out."""
    return state.fetched + state.left_out


def count_settled(state: State) -> int:
    """Return how many messages have their verdict."""
    return state.processed + state.duplicate + state.dead
