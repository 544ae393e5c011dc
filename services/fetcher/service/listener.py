"""Run the service with uvicorn on our own socket, and stop it once the running minings have stored their messages."""

import asyncio
import contextlib
import logging
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator

import structlog
import uvicorn
from starlette.types import ASGIApp

from fetcher.exits import Misconfigured
from fetcher.service.arrivals import TimedArrivals
from fetcher.service.runs import Runs

log = structlog.get_logger()

KEEP_ALIVE_SECONDS = 30
ANSWER_SECONDS = 10
"""How long answers in progress may take when the service stops."""
STORING_SECONDS = 40
"""How long minings may then take to store what is in flight. Together, both limits stay below the 60 seconds after
which a container is killed. If a mail server takes longer, nothing is lost: the messages are still in the mailbox."""
LOOK_SECONDS = 0.05
CONNECTIONS = 4_096
"""Twice as many open files as there can be streams."""


class Server(uvicorn.Server):
    """A uvicorn server that leaves signals to us."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Do nothing with signals."""
        yield


def open_socket(listen: str) -> socket.socket:
    """Return a listening socket for `host:port` (`[::1]:8090` for IPv6) or `fd:N`; raise Misconfigured."""
    host, _, port = listen.rpartition(":")
    try:
        if host == "fd":
            return socket.socket(fileno=int(port))
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family)
    except OSError:
        raise Misconfigured(
            f"leadminer cannot listen on SERVE_LISTEN={listen!r}: stop what listens there, or choose another address."
        ) from None


def address_of(listening: socket.socket) -> str:
    """Return where callers reach a listening socket: a URL, or the path of a Unix socket."""
    if listening.family not in (socket.AF_INET, socket.AF_INET6):
        return str(listening.getsockname())
    host, port, *_ = listening.getsockname()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve_until_stopped(
    app: ASGIApp, runs: Runs, listening: socket.socket, *, on_stop: Callable[[], None] = lambda: None
) -> None:
    """Answer until SIGTERM or Ctrl-C. Then return once no mining has anything in flight, or after 50 seconds at most.

    Calls `on_stop` to end answers that would not end by themselves. A second signal raises KeyboardInterrupt
    immediately.
    """
    _set_up_logging()
    _allow_connections()
    asyncio.run(_serve(make_server(app), runs, listening, on_stop))


def make_server(app: ASGIApp) -> Server:
    """Return a server for an application. It logs nothing, because tracebacks may contain mail."""
    config = uvicorn.Config(
        app,
        http=TimedArrivals,
        ws="none",  # the doors are for HTTP
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=ANSWER_SECONDS,
    )
    return Server(config)


async def _serve(server: Server, runs: Runs, listening: socket.socket, on_stop: Callable[[], None]) -> None:
    def stop(number: signal.Signals) -> None:
        if runs.stopping and number != signal.SIGHUP:
            raise KeyboardInterrupt
        log.info("service stopping", minings=runs.count)
        runs.stop()
        on_stop()
        server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    log.info("service started")
    await server.serve([listening])
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STORING_SECONDS):
            while runs.count:  # noqa: ASYNC110 - they end in their own threads
                await asyncio.sleep(LOOK_SECONDS)
    log.info("service stopped", minings=runs.count)


def _allow_connections() -> None:
    """Raise the limit of open files as far as allowed: a connection is a file, and many systems begin with 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS if hard == resource.RLIM_INFINITY else min(CONNECTIONS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _set_up_logging() -> None:
    """Log one JSON line per event to standard error. For libraries, log only that they warn, without the text."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s %(levelname)s")
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
