"""The first signal finishes what is in flight, if that is quick; a second one stops now."""

import os
import signal
import threading
import time

import pytest

from fetcher.commands.interruption import Interruption, OutOfTime, gentle_stop, terminable

WHILE_SECONDS = 20.0


def _send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # a bytecode boundary, where Python runs the handler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_to_stop(number: int) -> None:
    """SIGTERM and a closed terminal count as one Ctrl-C."""
    with gentle_stop() as interruption:
        before = interruption.asked.is_set()
        _send(number)

        assert (before, interruption.asked.is_set()) == (False, True)


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_stops_now(first: int, second: int) -> None:
    """A second Ctrl-C or SIGTERM interrupts whatever the command is waiting for."""
    with gentle_stop():
        _send(first)

        with pytest.raises(KeyboardInterrupt):
            _send(second)


def test_a_terminal_that_closes_twice_asks_for_nothing_more() -> None:
    """Shells repeat SIGHUP to their jobs, so the second one changes nothing."""
    with gentle_stop() as interruption:
        _send(signal.SIGHUP)
        _send(signal.SIGHUP)

        assert interruption.asked.is_set()


def test_what_runs_apart_gives_its_result() -> None:
    """A result or an error comes as if there were no other thread."""

    def fail() -> None:
        raise LookupError("no")

    assert Interruption().run(lambda: 7) == 7
    with pytest.raises(LookupError, match="no"):
        Interruption().run(fail)


def test_what_is_in_flight_is_finished() -> None:
    """After the first signal, what ends in time still gives its result."""
    interruption = Interruption()

    def end_once_asked() -> bool:
        interruption.asked.set()
        return interruption.asked.wait(WHILE_SECONDS)

    assert interruption.run(end_once_asked, grace_seconds=WHILE_SECONDS)


def test_what_does_not_end_is_left() -> None:
    """After the first signal, the command waits only so long, and a thread that hangs does not keep it."""
    interruption, ended = Interruption(), threading.Event()

    def hang() -> None:
        interruption.asked.set()
        ended.wait(WHILE_SECONDS)

    with pytest.raises(OutOfTime):
        interruption.run(hang, grace_seconds=0.01)
    ended.set()


def test_nothing_begins_after_the_signal() -> None:
    """A command that was stopped while its servers started does not begin to mine."""
    interruption = Interruption()
    interruption.asked.set()
    begun: list[bool] = []

    with pytest.raises(OutOfTime):
        interruption.run(lambda: begun.append(True))

    assert begun == []


def test_a_second_signal_interrupts_the_wait() -> None:
    """A second signal ends the wait for what is in flight at once."""
    ended = threading.Event()

    with gentle_stop() as interruption:

        def signal_twice() -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            interruption.asked.wait(WHILE_SECONDS)
            os.kill(os.getpid(), signal.SIGTERM)
            ended.wait(WHILE_SECONDS)

        with pytest.raises(KeyboardInterrupt):
            interruption.run(signal_twice, grace_seconds=WHILE_SECONDS)
    ended.set()


def test_sigterm_ends_any_other_command_as_ctrl_c_does() -> None:
    """SIGTERM ends any other command like Ctrl-C, so that what it started is stopped too."""
    with pytest.raises(KeyboardInterrupt), terminable():
        _send(signal.SIGTERM)


def test_what_handled_the_signals_before_does_so_again() -> None:
    """The previous signal handlers are restored at the end."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with terminable(), gentle_stop():
        _send(signal.SIGTERM)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
