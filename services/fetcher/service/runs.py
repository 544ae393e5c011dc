"""The minings that the service runs, each in its own thread, the line of those that wait, and how they ended."""

import threading
from collections import Counter, OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from fetcher.exits import Busy, Stopping
from fetcher.imap.connection import Connector
from fetcher.mining.claims import claim_source
from fetcher.mining.failures import Failure
from fetcher.mining.mine import mine
from fetcher.mining.outcome import MiningRequest, Outcome, Progress
from fetcher.ports import ENDED, Trouble
from fetcher.service.limits import has_share
from fetcher.service.mailboxes import Mailboxes
from fetcher.service.problems import Problem

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

log = structlog.get_logger()

CONNECTING = Progress("").state
KEPT_RUNS = 1000
"""How many runs are remembered after their end, at about a kilobyte each."""
KEPT_FAILURES = 20
"""How many folders that failed are remembered of each run."""


@dataclass(slots=True, eq=False)
class Run:
    """One mining of this service. `begun` is done once the processor has started it, or will never start it.

    `mailbox` is its own address. The id of its `progress` is the one that was asked for until it has begun, and then
    that of the unfinished mining that it resumes, if there is one. `waited` says that it was put in line, so that its
    caller knows the id that was asked for. Setting `wake` lets it ask the processor at once whether it is cancelled.
    `problem` and `failures` say how it ended.
    """

    user: str
    asked: str
    mailbox: str
    progress: Progress
    begun: "Future[Problem | None]" = field(default_factory=Future)
    waited: bool = False
    cancelled: bool = False
    wake: threading.Event = field(default_factory=threading.Event)
    problem: Problem | None = None
    failures: tuple[Failure, ...] = ()

    @property
    def mining(self) -> str:
        """The mining's id."""
        return self.progress.mining

    @property
    def has_begun(self) -> bool:
        """Whether the processor knows this mining."""
        return self.progress.state != CONNECTING

    def is_of(self, user: str, mining: str) -> bool:
        """Return whether this is what a user means by the id of a mining."""
        return self.user == user and (self.mining == mining or (self.waited and self.asked == mining))


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    run: Run
    request: MiningRequest
    connector: Connector


class Runs:
    """Runs at most `most` minings at once, and lets `waiting` more wait, of which users have equal shares.

    Threads may share it.

    `claims` is the folder of the source locks.
    """

    def __init__(
        self, stack: "Stack", *, claims: Path, most: int, waiting: int = 0, mailboxes: Mailboxes | None = None
    ) -> None:
        """Start without any minings."""
        self.mailboxes = mailboxes or Mailboxes()
        self._stack = stack
        self._claims = claims
        self._most = most
        self._longest = waiting
        self._stop = threading.Event()
        self._lock = threading.RLock()
        self._running: list[Run] = []
        self._line: list[_Waiting] = []
        self._kept: OrderedDict[tuple[str, str], Run] = OrderedDict()

    @property
    def stopping(self) -> bool:
        """Whether the service has been told to stop."""
        return self._stop.is_set()

    @property
    def count(self) -> int:
        """The number of running minings."""
        return len(self._running)

    @property
    def waiting(self) -> int:
        """The number of minings in line."""
        return len(self._line)

    def start(self, request: MiningRequest, connector: Connector) -> Run:
        """Start a mining, or put it in line, and return it immediately; raise Busy or Stopping."""
        run = Run(request.user, request.id, request.source.address, Progress(request.id))
        with self._lock:
            if self.stopping:
                raise Stopping("The service is stopping: try again once it has restarted.")
            if self.count < self._most:
                self._launch(_Waiting(run, request, connector))
            elif has_share(run.user, (each.run.user for each in self._line), self._longest):
                run.waited = True
                self._line.append(_Waiting(run, request, connector))
            else:
                raise Busy(
                    f"{self._most} minings are running, and your share of the {self._longest} places in line is taken, "
                    "the limits set by SERVE_MININGS and SERVE_WAITING: try again when one of yours has ended."
                )
        return run

    def under_way(self, user: str) -> list[Run]:
        """Return the user's minings that run here."""
        return [run for run in list(self._running) if run.user == user]

    def in_line(self, user: str) -> list[Run]:
        """Return the user's minings that wait, in their order."""
        with self._lock:
            return [each.run for each in self._in_turn() if each.run.user == user]

    def place(self, run: Run) -> int | None:
        """Return a run's place in line, from 1 on, or None if it is not in line. Others can come in before it."""
        with self._lock:
            return next((place for place, each in enumerate(self._in_turn(), start=1) if each.run is run), None)

    def find(self, user: str, mining: str) -> Run | None:
        """Return the run that waits, runs or is remembered as this mining."""
        with self._lock:
            known = [*(each.run for each in self._line), *self._running]
            found = next((run for run in known if run.is_of(user, mining)), None)
            return found or self._kept.get((user, mining))

    def cancel(self, user: str, mining: str) -> Run | None:
        """Cancel a mining that the processor does not know yet and return its run; None if there is no such mining."""
        with self._lock:
            run = self.find(user, mining)
            if run is None or run.has_begun:
                return None
            run.cancelled = True
            self._leave_line([run])
            return run

    def wake(self, user: str, mining: str) -> None:
        """Let a mining that runs here hear at once that the processor has cancelled it."""
        if (run := self.find(user, mining)) is not None:
            run.wake.set()

    def forget(self, user: str) -> None:
        """Forget what waits for a user, end what is connecting, and forget how runs ended."""
        with self._lock:
            for run in [*self.in_line(user), *self.under_way(user)]:
                self.cancel(user, run.mining)
            for key in [key for key in self._kept if key[0] == user]:
                del self._kept[key]

    def stop(self) -> None:
        """Let each mining store what it has in flight and end; start no new ones, and forget those in line."""
        with self._lock:
            self._stop.set()
            self._line.clear()

    def _in_turn(self) -> list[_Waiting]:
        """Return the line in the order in which it will run.

        Users take turns: whoever has fewer minings running or ahead in line is first, and of these who came first.
        """
        taken = Counter(run.user for run in self._running)
        turns = []
        for each in self._line:
            turns.append((taken[each.run.user], each))
            taken[each.run.user] += 1
        return [each for _, each in sorted(turns, key=itemgetter(0))]

    def _launch(self, waiting: _Waiting) -> None:
        self._running.append(waiting.run)
        threading.Thread(target=self._work, args=(waiting,), name="mining", daemon=True).start()

    def _leave_line(self, runs: list[Run]) -> None:
        for each in [each for each in self._line if each.run in runs]:
            self._line.remove(each)
            self._keep(each.run)

    def _work(self, waiting: _Waiting) -> None:
        run = waiting.run
        try:
            outcome = self._mine(run, waiting.request, waiting.connector)
            run.failures = outcome.failures[:KEPT_FAILURES]
            if outcome.state in ENDED:
                log.info("mining ended", mining=run.mining, state=outcome.state)
            else:
                log.info("mining left", mining=run.mining, state=outcome.state)
        except Exception as error:
            run.problem = Problem.of(error)
            log.warning("mining broken off", mining=run.mining, code=run.problem.code, way=run.problem.way)
        finally:
            self._end(run)

    def _mine(self, run: Run, request: MiningRequest, connector: Connector) -> Outcome:
        with claim_source(self._claims, user=request.user, source=request.source.name) as holder:
            return mine(
                replace(request, holder=holder),
                connect=self.mailboxes.opener(request.user, connector),
                raw_store=self._stack.raw_store,
                queue=self._stack.queue,
                processor=self._stack.processor,
                watch=partial(self._watch, run),
                stop=self._stop,
                wake=run.wake,
            )

    def _watch(self, run: Run, progress: Progress) -> None:
        """Record a mining's progress. What was cancelled while it was connecting is cancelled once it has begun."""
        with self._lock:
            begins = not run.has_begun and progress.state != CONNECTING
            run.progress = progress
            cancelled = begins and run.cancelled
        if not begins:
            return
        log.info("mining begun", mining=run.mining, resumed=progress.resumed)
        run.begun.set_result(None)
        if cancelled:
            try:
                self._stack.processor.cancel(run.user, mining=run.mining)
            except Trouble as trouble:
                log.warning("cancel failed", mining=run.mining, code=Problem.of(trouble).code)

    def _end(self, run: Run) -> None:
        with self._lock:
            self._running.remove(run)
            self._keep(run)
            while self._line and self.count < self._most and not self.stopping:
                following = self._in_turn()[0]
                self._line.remove(following)
                self._launch(following)
        if not run.begun.done():
            run.begun.set_result(run.problem)

    def _keep(self, run: Run) -> None:
        """Remember how a run ended, unless its caller has the answer and nothing is left to tell."""
        self._kept.pop((run.user, run.mining), None)
        if run.has_begun or run.waited:
            self._kept[run.user, run.mining] = run
            if run.waited:
                self._kept[run.user, run.asked] = run
        while len(self._kept) > KEPT_RUNS:
            self._kept.popitem(last=False)
