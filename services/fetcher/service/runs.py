"""The minings that the service runs, each in its own thread, and the problems that ended them."""

import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from fetcher.exits import Busy, Stopping
from fetcher.imap.connection import Connector
from fetcher.imap.mailbox import Mailbox
from fetcher.mining.claims import claim_source
from fetcher.mining.mine import mine
from fetcher.mining.outcome import MiningRequest, Progress
from fetcher.ports import ENDED
from fetcher.service.problems import Problem

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

log = structlog.get_logger()

CONNECTING = Progress("").state
KEPT_PROBLEMS = 1000
"""How many minings' problems are remembered until the mining is started again, at about 100 bytes each."""


@dataclass(slots=True, eq=False)
class Run:
    """One running mining. `begun` is done once the processor has started it, or with the problem that prevented it."""

    user: str
    progress: Progress
    begun: "Future[Problem | None]" = field(default_factory=Future)

    def watch(self, progress: Progress) -> None:
        """Record the mining's progress."""
        self.progress = progress
        if progress.state != CONNECTING and not self.begun.done():
            log.info("mining begun", mining=progress.mining, resumed=progress.resumed)
            self.begun.set_result(None)


class Runs:
    """Runs at most `most` minings at once. Threads may share it. `claims` is the folder of the source locks."""

    def __init__(self, stack: "Stack", *, claims: Path, most: int) -> None:
        """Start without any minings."""
        self._stack = stack
        self._claims = claims
        self._most = most
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._running: list[Run] = []
        self._problems: OrderedDict[tuple[str, str], Problem] = OrderedDict()

    @property
    def stopping(self) -> bool:
        """Whether the service has been told to stop."""
        return self._stop.is_set()

    @property
    def count(self) -> int:
        """The number of running minings."""
        return len(self._running)

    def start(self, request: MiningRequest, connector: Connector) -> Run:
        """Start a mining and return it immediately; raise Busy or Stopping."""
        run = Run(request.user, Progress(request.id))
        with self._lock:
            if self.stopping:
                raise Stopping("The service is stopping: try again once it has restarted.")
            if self.count >= self._most:
                raise Busy(
                    f"{self._most} minings are already running, the limit set by SERVE_MININGS: "
                    "try again when one has ended."
                )
            self._running.append(run)
        threading.Thread(target=self._work, args=(run, request, connector), name="mining", daemon=True).start()
        return run

    def under_way(self, user: str) -> dict[str, Progress]:
        """Return the progress of each of the user's minings that run here, by id."""
        found = [run.progress for run in list(self._running) if run.user == user]
        return {progress.mining: progress for progress in found}

    def problem(self, user: str, mining: str) -> Problem | None:
        """Return the problem that ended a mining here, unless it was started again."""
        return self._problems.get((user, mining))

    def stop(self) -> None:
        """Let each mining store what it has in flight and end; start no new ones."""
        self._stop.set()

    def _work(self, run: Run, request: MiningRequest, connector: Connector) -> None:
        problem = None
        try:
            self._mine(run, request, connector)
        except Exception as error:
            problem = Problem.of(error)
            log.warning("mining broken off", mining=run.progress.mining, code=problem.code, way=problem.way)
        finally:
            self._end(run, problem)

    def _mine(self, run: Run, request: MiningRequest, connector: Connector) -> None:
        with claim_source(self._claims, user=request.user, source=request.source.name) as holder:
            outcome = mine(
                replace(request, holder=holder),
                connect=partial(Mailbox, connector),
                raw_store=self._stack.raw_store,
                queue=self._stack.queue,
                processor=self._stack.processor,
                watch=run.watch,
                stop=self._stop,
            )
        if outcome.state in ENDED:
            log.info("mining ended", mining=outcome.mining, state=outcome.state)
        else:
            log.info("mining left", mining=outcome.mining, state=outcome.state)

    def _end(self, run: Run, problem: Problem | None) -> None:
        key = (run.user, run.progress.mining)
        with self._lock:
            self._running.remove(run)
            self._problems.pop(key, None)
            if problem is not None and run.begun.done():
                self._problems[key] = problem
            while len(self._problems) > KEPT_PROBLEMS:
                self._problems.popitem(last=False)
        if not run.begun.done():
            run.begun.set_result(problem)
