"""The first signal finishes what is in flight; a second Ctrl-C stops now."""

import os
import signal
import time

import pytest

from fetcher.commands.interruption import gentle_stop, terminable


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


def test_a_second_ctrl_c_stops_now() -> None:
    """A second Ctrl-C interrupts whatever the command is waiting for."""
    with gentle_stop():
        _send(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            _send(signal.SIGINT)


def test_a_second_sigterm_asks_for_nothing_more() -> None:
    """A second SIGTERM changes nothing: its sender wants a clean end, not a quick one."""
    with gentle_stop() as interruption:
        _send(signal.SIGTERM)
        _send(signal.SIGTERM)

        assert interruption.asked.is_set()


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
