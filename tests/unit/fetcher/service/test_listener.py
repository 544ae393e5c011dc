"""The service listens where it should, and stops in time no matter what a mining waits for."""

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from starlette.applications import Starlette

from fetcher.exits import Misconfigured
from fetcher.mining.outcome import MiningRequest
from fetcher.service import listener
from fetcher.service.listener import address_of, open_socket, serve_until_stopped
from fetcher.service.runs import Runs
from infra.docker.processors import STOP_SECONDS
from tests.support.fetcher_stack import mails, odd_stack
from tests.support.odd_imap import OddFolder, OddImap

SECONDS = 20.0


def test_a_socket_is_opened_where_it_is_said() -> None:
    """The service listens on a host and port, or on an inherited socket."""
    with open_socket("127.0.0.1:0") as opened, open_socket(f"fd:{os.dup(opened.fileno())}") as handed_over:
        assert opened.getsockname()[0] == "127.0.0.1"
        assert handed_over.getsockname() == opened.getsockname()


@pytest.mark.parametrize(("listen", "start"), [("127.0.0.1:0", "http://127.0.0.1:"), ("[::1]:0", "http://[::1]:")])
def test_a_socket_has_an_address_for_people(listen: str, start: str) -> None:
    """What a terminal shows is a URL that can be opened, with the port that was chosen."""
    with open_socket(listen) as opened:
        assert address_of(opened) == f"{start}{opened.getsockname()[1]}"


def test_a_port_that_is_taken_is_said() -> None:
    """If the port is taken, the error names the setting and its value, and says what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(Misconfigured, match=f"SERVE_LISTEN='{listen}': stop what listens there"):
            open_socket(listen)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Runs]:
    """Yield runs with one mining whose mail server does not answer until the test ends."""
    reached, end = threading.Event(), threading.Event()

    def hang(_: int) -> bool:
        reached.set()
        return end.wait(SECONDS)

    with OddImap({"INBOX": OddFolder(dict(enumerate(mails(3), start=1)))}) as odd:
        odd.on_fetch = hang
        stack = odd_stack(odd)
        runs = Runs(stack.opened(), claims=tmp_path, most=1)
        runs.start(MiningRequest("jo", stack.connector.source), stack.connector)
        assert reached.wait(SECONDS)
        yield runs
        structlog.reset_defaults()  # what the service logs to ends with the test
        end.set()
        while runs.count:
            time.sleep(0.01)


def send(*numbers: signal.Signals) -> None:
    """Send ourselves signals one after another, once the service handles them."""
    before = signal.getsignal(signal.SIGHUP)

    def run() -> None:
        while signal.getsignal(signal.SIGHUP) == before:
            time.sleep(0.01)
        for number in numbers:
            time.sleep(0.1)
            os.kill(os.getpid(), number)

    threading.Thread(target=run).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_mining_that_hangs_does_not_hold_the_stop_up(
    hanging: Runs, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """A hanging mining does not delay the stop, and the log says how many minings were left."""
    monkeypatch.setattr(listener, "STORING_SECONDS", 0.3)
    send(number)
    began = time.monotonic()

    serve_until_stopped(Starlette(), hanging, open_socket("127.0.0.1:0"))

    assert time.monotonic() - began < SECONDS / 2
    assert hanging.count == 1
    assert '"minings": 1, "event": "service stopped"' in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_stops_at_once(hanging: Runs, number: signal.Signals) -> None:
    """A second Ctrl-C or SIGTERM stops the service immediately."""
    send(number, number)
    began = time.monotonic()

    with open_socket("127.0.0.1:0") as listening, pytest.raises(KeyboardInterrupt):
        serve_until_stopped(Starlette(), hanging, listening)

    assert time.monotonic() - began < SECONDS / 2


def test_there_is_time_to_stop_before_a_container_is_killed() -> None:
    """The service stops within the time that the stacks give a container."""
    assert listener.ANSWER_SECONDS + listener.STORING_SECONDS < STOP_SECONDS
