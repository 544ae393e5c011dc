"""Watch minings: one poll for each, however many watch it, and the newest state for everybody."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from fetcher.contacts.selection import Selection
from fetcher.exits import Busy
from fetcher.mining.pace import Pace
from fetcher.ports import NotFound
from fetcher.service.limits import has_share
from fetcher.service.minings import Minings
from fetcher.service.problems import Problem
from schemas.ledger import Ledger, Verdict

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

Fields = dict[str, Any]
POLLING_THREADS = 8
"""Polls at once. They have threads of their own, so that a processor that hangs does not hold up other requests."""
MOST_WATCHERS = 2_000
"""Each costs a connection and about 30 KB. Users share them, so half of them can watch one mining."""
STOPPING = Problem(503, "stopping", "The service is stopping: connect again once it has restarted.")
STATE, ENDED, STOPPED = "state", "ended", "stopping"


@dataclass(slots=True, eq=False)
class Event:
    """The whole state of a mining at one moment. After one that is `last` there is no other."""

    number: int
    name: str
    fields: Fields
    frames: dict[Callable[[Fields], str], bytes] = field(default_factory=dict)

    @property
    def last(self) -> bool:
        """Whether no other follows."""
        return self.name != STATE

    def frame(self, render: Callable[[Fields], str]) -> bytes:
        """Return the event as a stream has it, rendered once for all who watch."""
        if render not in self.frames:
            identifier = ENDED if self.name == ENDED else self.number
            data = "".join(f"data: {line}\n" for line in render(self.fields).splitlines())
            self.frames[render] = f"id: {identifier}\nevent: {self.name}\n{data}\n".encode()
        return self.frames[render]


class Watch:
    """One mining that somebody watches."""

    def __init__(self) -> None:
        """Begin without any event."""
        self.watchers = 0
        self.paces = Paces()
        self.latest: Event | None = None
        self.first: asyncio.Task[tuple[str, Fields]] | None = None
        self.changed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.following: asyncio.Task[None] | None = None

    def publish(self, name: str, fields: Fields) -> None:
        """Make an event the newest, unless it says nothing new, and wake all who wait for it."""
        if self.latest is not None and (self.latest.last or (self.latest.name, self.latest.fields) == (name, fields)):
            return
        self.latest = Event(self.latest.number + 1 if self.latest else 1, name, fields)
        changed, self.changed = self.changed, asyncio.get_running_loop().create_future()
        changed.set_result(None)


class Watches:
    """The minings that are watched. It belongs to one event loop; only its polls run in threads."""

    def __init__(self, stack: "Stack", minings: Minings) -> None:
        """Watch the minings of a stack."""
        self._processor = stack.processor
        self._minings = minings
        self._poll_seconds = stack.poll_seconds
        self._limiter = CapacityLimiter(POLLING_THREADS)
        self._watches: dict[tuple[str, str], Watch] = {}
        self._stopped = False

    @property
    def watchers(self) -> int:
        """How many watch."""
        return sum(watch.watchers for watch in self._watches.values())

    @asynccontextmanager
    async def watching(self, user: str, mining: str) -> AsyncIterator[Watch]:
        """Yield a mining's watch, which has an event already; raise NotFound, Busy, or what the first poll raises."""
        if not has_share(user, self._watchers(), MOST_WATCHERS):
            raise Busy("You are watching as many minings as you can: close some pages, or ask for a mining's status.")
        key = (user, mining)
        watch = self._watches.setdefault(key, Watch())
        watch.watchers += 1
        try:
            if watch.first is None:
                watch.first = asyncio.create_task(self._ask(watch, user, mining))
            first = await asyncio.shield(watch.first)
            if watch.latest is None:
                watch.publish(*first)
            if watch.following is None:
                watch.following = asyncio.create_task(self._follow(watch, user, mining))
            if self._stopped:
                watch.publish(STOPPED, dict(STOPPING.fields()))
            yield watch
        finally:
            watch.watchers -= 1
            if not watch.watchers:
                self._watches.pop(key, None)
                if watch.following is not None:
                    watch.following.cancel()

    def _watchers(self) -> Iterator[str]:
        return (user for (user, _), watch in self._watches.items() for _ in range(watch.watchers))

    def stop(self) -> None:
        """Tell everybody who watches that the service stops, so that their streams end now."""
        self._stopped = True
        for watch in self._watches.values():
            watch.publish(STOPPED, dict(STOPPING.fields()))

    async def _follow(self, watch: Watch, user: str, mining: str) -> None:
        while watch.latest is None or not watch.latest.last:
            await asyncio.sleep(self._poll_seconds)
            try:
                watch.publish(*await self._ask(watch, user, mining))
            except NotFound:  # its user was erased, or it left the line
                watch.publish(ENDED, {"id": mining, "state": "erased", "run": "ended", "totals": None})
            except Exception as error:
                known = watch.latest.fields if watch.latest else {}
                watch.publish(STATE, known | {"trouble": Problem.of(error).fields()})

    async def _ask(self, watch: Watch, user: str, mining: str) -> tuple[str, Fields]:
        poll = partial(self._poll, user, mining, watch.paces)
        return await run_sync(poll, limiter=self._limiter, abandon_on_cancel=True)

    def _poll(self, user: str, mining: str, paces: "Paces") -> tuple[str, Fields]:
        status = self._minings.show(user, mining)
        if status["run"] == "ended":
            return ENDED, status | {"rate": None, "seconds_left": None, "totals": self._totals(user, status)}
        return STATE, status | paces.told(status) | {"totals": None}

    def _totals(self, user: str, status: Fields) -> Fields | None:
        """Return what a mining came to: contacts in all, those that are new by it, and the addresses people read."""
        if status["ledger"] is None:
            return None
        verdicts = Ledger.from_json(status["ledger"]).contacts
        return {
            "contacts": self._processor.total(user),
            "new": self._processor.total(user, selection=Selection(mining=status["id"])),
            "reachable": sum(verdicts.values()) - verdicts.get(Verdict.UNREACHABLE, 0),
        }


class Paces:
    """How fast the stages of one mining go."""

    def __init__(self) -> None:
        """Begin with what the first poll finds."""
        self._paces: dict[str, Pace] = {}

    def told(self, status: Fields) -> Fields:
        """Return the messages per second, and the seconds that are left of this stage; None if not known."""
        progress = status["progress"]
        stage = progress["state"] if progress else status["state"]
        done, total = _count(stage, status)
        pace = self._paces.setdefault(stage, Pace())
        pace.add(done)
        left = pace.seconds_left(total)
        rate = None if stage == "refining" or pace.per_second is None else round(pace.per_second, 1)
        return {"rate": rate, "seconds_left": None if left is None else round(left)}


def _count(stage: str, status: Fields) -> tuple[int, int | None]:
    """Return how much of a stage is done, and of how much."""
    progress = status["progress"]
    if stage == "fetching" and progress:
        return progress["fetched"] + progress["left_out"], progress["listed"]
    if stage == "refining":
        return status["chunks_refined"], status["chunks"]
    return sum(status["messages"].values()), status["listed"]
