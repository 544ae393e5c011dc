"""Mine a mailbox: the shell around planning, fetching and waiting for the processors."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from fetcher.imap.connection import FolderMissing, is_loopback
from fetcher.imap.folders import Folder, choose_folders, sent_folders
from fetcher.imap.mailbox import Mailbox
from fetcher.imap.patience import Patience, insist
from fetcher.imap.reader import Halted, Reader
from fetcher.mining.lease import Keeper
from fetcher.mining.outbox import Outbox, Task
from fetcher.mining.outcome import MiningRequest, Outcome, Pace, Progress
from fetcher.mining.plan import choose_chunks
from fetcher.mining.planning import Planner
from fetcher.mining.pool import Pool, Tally
from fetcher.mining.senders import perhaps_own
from fetcher.ports import ENDED, Damaged, JobQueue, Minings, NotFound, RawStore
from schemas.ledger import Ledger, Skipped
from schemas.minings import Beginning, Begun, Status
from schemas.scope import Scope
from schemas.segments import Plan, PlannedFolder, UnreadableSegment, plan_key

POOL_LOOPBACK = 2
POOL_NETWORK = 4
"""Connections in the pool. On loopback, more gain nothing. On a network, most of the time is spent waiting."""
FIRST_POLL_SECONDS = 0.05
POLL_GROWTH = 1.1
"""Each pause is about a tenth of the time waited so far, so no more than that is lost at the end."""
RESENT_JOBS = 1_000
"""Jobs per call when an earlier run's jobs are sent again."""
DEFAULT_PACE = Pace()
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Services:
    """The services that a mining uses."""

    connect: Callable[[], Mailbox]
    raw_store: RawStore
    queue: JobQueue
    processor: Minings


def mine(
    request: MiningRequest,
    *,
    connect: Callable[[], Mailbox],
    raw_store: RawStore,
    queue: JobQueue,
    processor: Minings,
    watch: Callable[[Progress], None],
    stop: threading.Event,
    pace: Pace = DEFAULT_PACE,
    wake: threading.Event | None = None,
) -> Outcome:
    """Read the whole mailbox, wait until its contacts are refined, and return the outcome.

    Whoever sets `wake`, after a cancellation for example, lets it be heard at once instead of at the next renewal.
    `connect` opens one logged-in connection. `watch` is called only from this thread, a few times per second. When
    `stop` is set, the segments in flight are finished and an unfinished Outcome is returned; nothing is lost. Raises
    Trouble, whose text is for the user. Everything stored so far stays, and the same request resumes the mining.
    """
    watch(Progress(request.id))
    reader = Reader(connect, patience=Patience(pace.patience_seconds, stop), mailbox=connect())
    try:
        folders = reader.ask(Mailbox.folders)
        asked = _beginning(request, reader, folders)
        begun = insist(
            lambda: processor.begin(request.user, asked=asked),
            halt=stop,
            patience_seconds=pace.begin_patience_seconds,
        )
        run = _Run(request, begun, Services(connect, raw_store, queue, processor), watch, stop, pace, wake)
        if begun.state == "fetching":
            run.fetch(reader.mailbox(), folders)
    finally:
        reader.drop()
    return run.wait()


def _beginning(request: MiningRequest, reader: Reader, folders: Sequence[Folder]) -> Beginning:
    """Return the request for begin; raise FolderMissing if none of the folders that the user named exists."""
    chosen, missing = choose_folders(request.folders, folders)
    if missing and not chosen:
        names = ", ".join(sorted(folder.title for folder in folders if folder.selectable)[:8])
        raise FolderMissing(
            f"{request.source.place} has no folder {', '.join(missing)}: choose an existing one, such as {names}."
        )
    return Beginning(
        id=request.id,
        source=request.source.name,
        address=request.source.address,
        chunks=choose_chunks(sum(reader.ask(partial(Mailbox.count, folder=name)) for name in chosen)),
        holder=request.holder or request.id,
        me=request.me,
        folders=request.folders,
        since=request.since,
        scope=request.scope,
        as_of=request.as_of,
        full=request.full,
    )


class _Run:
    """One call of `mine`, after begin."""

    def __init__(
        self,
        request: MiningRequest,
        begun: Begun,
        services: Services,
        watch: Callable[[Progress], None],
        stop: threading.Event,
        pace: Pace,
        wake: threading.Event | None,
    ) -> None:
        self._request = request
        self._begun = begun
        self._services = services
        self._watch = watch
        self._stop = stop
        self._pace = pace
        self._wake = wake
        self._halt = threading.Event()
        self._patience = Patience(pace.patience_seconds, self._halt)
        self._tally = Tally()
        self._listed: int | None = None
        self._unfinished = False
        self._status = Status(begun.id, begun.state, cancelled=False, ledger=begun.ledger, receipt=begun.receipt)
        self._outbox = Outbox(
            begun.id, services.raw_store, services.queue, halt=self._halt, patience_seconds=pace.patience_seconds
        )

    def fetch(self, mailbox: Mailbox, folders: Sequence[Folder]) -> None:
        """Fetch under the lease until nothing is left or it has to stop, and tell the processor."""
        keeper = Keeper(
            self._services.processor,
            self._request.user,
            self._begun,
            halt=self._halt,
            renew_seconds=self._pace.renew_seconds,
            patience_seconds=self._pace.patience_seconds,
            wake=self._wake,
        )
        self._tally.sent_folders = sent_folders(folders)
        with keeper:
            reader = self._reader(mailbox)
            plan = self._plan(reader, folders, keeper)
            try:
                rest = [] if plan is None else self._fetch_planned(plan, reader, keeper)
            except NotFound:
                self._status = self._ask_status()
                if self._status.state == "fetching":
                    raise
                return  # it was cancelled and torn down while this process was suspended
            if keeper.trouble is not None:
                raise keeper.trouble
            self._status = keeper.status
            if self._status.state != "fetching":
                return
            if not self._status.cancelled and (plan is None or rest):
                self._unfinished = True
                return
            for task in rest:
                self._tally.leave_out(Skipped.CANCELLED, len(task.segment.uids))
            self._tell_fetched()

    def wait(self) -> Outcome:
        """Wait for the processors and return the outcome."""
        pause = FIRST_POLL_SECONDS
        while not self._unfinished and self._status.state not in ENDED:
            self._show(self._status)
            self._unfinished = self._stop.wait(pause)
            pause = min(POLL_GROWTH * pause, self._pace.poll_seconds)
            self._status = self._ask_status()
        self._show(self._status)
        return Outcome(
            mining=self._begun.id,
            finished=self._status.state in ENDED and not Ledger.from_json(self._status.ledger or {}).incomplete,
            resumed=self._begun.resumed,
            state=self._status.state,
            progress=self._progress(self._status),
            ledger=self._status.ledger,
            receipt=self._status.receipt,
            perhaps_own=perhaps_own(self._tally.senders, self._begun.settings.own if self._begun.settings else ()),
            failures=self._tally.failures.all(),
        )

    def _plan(self, reader: Reader, folders: Sequence[Folder], keeper: Keeper) -> Plan | None:
        """Return the mining's plan, and make it if there is none yet; None if the mining has to stop first."""
        store, key = self._services.raw_store, plan_key(self._begun.id)
        try:
            return self._read_plan(key)
        except NotFound:
            plan = self._make_plan(reader, folders, keeper)
        if plan is None or self._insist(lambda: store.put(key, plan.encode(), if_absent=True)):
            return plan
        return self._read_plan(key)

    def _read_plan(self, key: str) -> Plan:
        """Return the plan from the raw store; raise NotFound or Damaged."""
        try:
            return Plan.decode(self._insist(lambda: self._services.raw_store.get(key)))
        except UnreadableSegment:
            raise Damaged(
                f"The plan of mining {self._begun.id} in the raw store is damaged: end the mining with `leadminer "
                "cancel`, which keeps what is stored. Then run the same command again to read the rest."
            ) from None

    def _make_plan(self, reader: Reader, folders: Sequence[Folder], keeper: Keeper) -> Plan | None:
        planned: list[PlannedFolder] = []
        self._show(keeper.status, state="planning")
        try:
            for folder in Planner(reader, self._begun, self._tally.failures).plan(folders):
                planned.append(folder)
                self._show(keeper.status, state="planning")
                if self._is_to_end():
                    return None
        except Halted:
            return None
        return Plan(tuple(planned))

    def _fetch_planned(self, plan: Plan, reader: Reader, keeper: Keeper) -> list[Task]:
        """Fetch what the store does not have, and return the tasks that were not started because it had to stop."""
        self._listed = plan.listed
        stored = self._outbox.stored()
        tasks = [Task(folder, segment) for folder in plan.folders for segment in folder.segments]
        there = [task for task in tasks if self._outbox.is_stored(task, stored)]
        pool = Pool(
            [task for task in tasks if not self._outbox.is_stored(task, stored)],
            scope=Scope(self._begun.fixed.scope),
            tally=self._tally,
            outbox=self._outbox,
            patience=self._patience,
        )
        self._send_again(pool, reader, there, keeper)
        self._show(keeper.status)
        pool.start([reader, *(self._reader(None) for _ in range(self._pool_size(tasks) - 1))])
        while not pool.wait(self._pace.watch_seconds):
            self._is_to_end()
            self._show(keeper.status)
        return pool.finish()

    def _send_again(self, pool: Pool, reader: Reader, there: Sequence[Task], keeper: Keeper) -> None:
        """Count what an earlier run stored, and send its jobs again unless all of them have been processed."""
        jobs = [pool.take_stored(reader, task) for task in there]
        if keeper.status.done + keeper.status.dead_segments < len(jobs):
            for start in range(0, len(jobs), RESENT_JOBS):
                self._outbox.send(jobs[start : start + RESENT_JOBS])

    def _pool_size(self, tasks: Sequence[Task]) -> int:
        usual = POOL_LOOPBACK if is_loopback(self._request.source.host) else POOL_NETWORK
        return max(1, min(self._request.connections or usual, len(tasks)))

    def _reader(self, mailbox: Mailbox | None) -> Reader:
        return Reader(self._services.connect, patience=self._patience, mailbox=mailbox)

    def _tell_fetched(self) -> None:
        self._status = self._insist(
            lambda: self._services.processor.fetched(
                self._request.user,
                mining=self._begun.id,
                lease=self._begun.lease,
                skipped=dict(self._tally.skipped),
                failed=dict(self._tally.failed),
            )
        )

    def _ask_status(self) -> Status:
        return self._insist(lambda: self._services.processor.status(self._request.user, mining=self._begun.id))

    def _is_to_end(self) -> bool:
        """Pass a request to stop on to the pool, and return whether fetching has to stop."""
        if self._stop.is_set():
            self._halt.set()
        return self._halt.is_set()

    def _insist(self, act: Callable[[], T]) -> T:
        return insist(act, halt=self._stop, patience_seconds=self._pace.patience_seconds)

    def _show(self, status: Status, *, state: str | None = None) -> None:
        self._watch(self._progress(status, state=state))

    def _progress(self, status: Status, *, state: str | None = None) -> Progress:
        return Progress(
            mining=self._begun.id,
            resumed=self._begun.resumed,
            state=state or status.state,
            cancelled=status.cancelled,
            listed=self._listed if status.listed is None else status.listed,
            fetched=self._tally.fetched,
            bytes_fetched=self._tally.bytes_fetched,
            left_out=self._tally.left_out,
            processed=status.processed,
            duplicate=status.duplicate,
            dead=status.dead,
            chunks=status.chunks,
            chunks_refined=status.chunks_refined,
        )
