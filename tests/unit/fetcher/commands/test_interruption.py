"""Once to finish what is in flight, twice to stop now."""

import os
import signal
import time

import pytest

from fetcher.commands.interruption import gentle_stop, terminable


def _send(number: int) -> None:
    os.kill(os.getpid(), number)
    time.sleep(0)  # a bytecode boundary, at which Python runs the handler


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_asks_to_stop(number: int) -> None:
    """SIGTERM and a closed terminal count as one Ctrl-C."""
    with gentle_stop() as interruption:
        before = interruption.asked.is_set()
        _send(number)

        assert (before, interruption.asked.is_set()) == (False, True)


def test_a_second_ctrl_c_stops_now() -> None:
    """It interrupts whatever is being waited for."""
    with gentle_stop():
        _send(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            _send(signal.SIGINT)


def test_a_second_sigterm_asks_for_nothing_more() -> None:
    """Who sends it in a row wants an orderly end, not a quick one."""
    with gentle_stop() as interruption:
        _send(signal.SIGTERM)
        _send(signal.SIGTERM)

        assert interruption.asked.is_set()


def test_sigterm_ends_any_other_command_as_ctrl_c_does() -> None:
    """What the command started is stopped on its way out."""
    with pytest.raises(KeyboardInterrupt), terminable():
        _send(signal.SIGTERM)


def test_what_handled_the_signals_before_does_so_again() -> None:
    """Nothing is left behind."""
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    with terminable(), gentle_stop():
        _send(signal.SIGTERM)

    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before
