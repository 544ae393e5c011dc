"""The minings of a user: what the processor knows of them, together with what this service is doing."""

from asyncio import shield, wrap_future
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from fetcher.ports import ENDED
from fetcher.service.answers import MiningList, MiningStatus, Report, Retried, Started
from fetcher.service.doors import Owner
from fetcher.service.orders import MiningOrder
from fetcher.service.problems import Problem, answer, refuse
from fetcher.service.room import Here, JsonRoute
from fetcher.service.runs import Run, Runs
from schemas.minings import Status

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

RESUME = "The service is not reading this mailbox: to resume, start a mining of the same source with its password."
Fields = dict[str, Any]
router = APIRouter(prefix="/users/{user}/minings", route_class=JsonRoute, tags=["Minings"])
Mining = Annotated[str, Path(description="the mining's id")]


class Minings:
    """Starts, shows and ends minings. Its methods wait for the processor, so call them in a thread, but for `start`."""

    def __init__(self, stack: "Stack", runs: Runs) -> None:
        """Ask the processor of a stack, and run minings here."""
        self._processor = stack.processor
        self._runs = runs

    async def start(self, user: str, order: MiningOrder) -> Fields | Problem:
        """Start a mining and return its id once the processor has begun it, or the problem that prevented it.

        If too many are running, it is put in line, and its id and place are returned at once.
        """
        request, connector = order.request(user), order.connector()
        run = self._runs.start(request, connector)
        if run.waited:
            return {"id": run.asked, "resumed": False, "place": self._runs.place(run)}
        return await shield(wrap_future(run.begun)) or {"id": run.mining, "resumed": run.progress.resumed}

    def all(self, user: str) -> list[Fields]:
        """Return the user's minings: those in line first, then the unfinished ones, then the newest 100."""
        under_way = self._runs.under_way(user)
        early = [run for run in [*under_way, *self._runs.in_line(user)] if run.waited and not run.has_begun]
        known = self._processor.minings(user)
        return [*map(self._early, early), *(self._status(user, fields, under_way) for fields in known)]

    def show(self, user: str, mining: str) -> Fields:
        """Return a mining's status; raise NotFound."""
        return self._told(user, mining, self._processor.status_fields)

    def cancel(self, user: str, mining: str) -> Fields:
        """End a mining with what is stored, or take it out of the line, and return its status; raise NotFound."""
        run = self._runs.cancel(user, mining)
        if run is not None:
            return self._early(run)
        told = self._told(user, mining, self._processor.cancel)
        self._runs.wake(user, mining)
        return told

    def report(self, user: str, mining: str) -> Fields:
        """Return a mining's ledger, whether it balances, and its receipt; raise NotFound."""
        run = self._runs.find(user, mining)
        report = self._processor.report(user, mining=mining if run is None else run.mining)
        return report | {"failures": _failures(run)}

    def retry(self, user: str, mining: str) -> int:
        """Send a mining's dead segments again and return how many; raise Conflict or NotFound."""
        run = self._runs.find(user, mining)
        return self._processor.retry(user, mining=mining if run is None else run.mining)

    def erase(self, user: str) -> Fields:
        """Erase everything of a user, also what waits here, and return the receipt."""
        self._runs.forget(user)
        return self._processor.erase(user)

    def _told(self, user: str, mining: str, ask: Callable[..., Fields]) -> Fields:
        under_way = self._runs.under_way(user)
        run = self._runs.find(user, mining)
        if run is not None and run.waited and not run.has_begun:
            return self._early(run)
        return self._status(user, ask(user, mining=mining if run is None else run.mining), under_way)

    def _early(self, run: Run) -> Fields:
        """Return the status of a mining that the processor does not know: in line, connecting, or never begun."""
        place = self._runs.place(run)
        if place is not None:
            state, running = "queued", "queued"
        elif run.cancelled or run.problem is not None:
            state, running = "cancelled" if run.cancelled else "refused", "ended"
        else:
            state, running = run.progress.state, "running"
        unknown = Status(run.asked, state, cancelled=run.cancelled, source_name=run.mailbox).to_json()
        return unknown | _doing(running, run, place=place)

    def _status(self, user: str, fields: Fields, under_way: Sequence[Run]) -> Fields:
        """Return the processor's status of a mining, plus what this service is doing with it.

        Get `under_way` before asking the processor. Then a mining that ends in between shows as running, never as left,
        and a caller who sees `ended` can start the next mining of the source.
        """
        run = next((each for each in under_way if each.mining == fields["id"]), None)
        if run is not None:
            return fields | _doing("running", run)
        run = self._runs.find(user, fields["id"])
        if fields["state"] in ENDED:
            return fields | _doing("ended", run)
        is_left = fields["state"] == "fetching" and not fields["cancelled"]
        return fields | _doing("left" if is_left else "waiting", run)


def _doing(running: str, run: Run | None, *, place: int | None = None) -> Fields:
    """Return the fields that tell what this service is doing with a mining.

    `run` is queued (in line), running (here), left (unfinished, but this service is not fetching it), waiting (for
    processors) or ended.
    """
    here = running == "running" and run is not None
    problem = None if run is None or (run.has_begun and running == "ended") else run.problem
    return {
        "run": running,
        "place": place,
        "remark": RESUME if running == "left" else None,
        "progress": asdict(run.progress) if here and run else None,
        "trouble": None if problem is None else problem.fields(),
        "failures": _failures(run),
    }


def _failures(run: Run | None) -> list[Fields]:
    """Return the folders that a mining could not read, with the server's own words, as long as they are remembered."""
    return [] if run is None else [asdict(failure) for failure in run.failures]


@router.post("", status_code=202, response_model=Started)
async def start(user: Owner, order: MiningOrder, here: Here) -> Response:
    """Start a mining, or resume the unfinished one of the same source.

    Answers 202 with its `id` and whether it was `resumed`, once the login has worked and the processor has begun the
    mining. If `SERVE_MININGS` minings are running already, it is put in line: the answer comes at once, with its
    `place`, and its status says later whether the login has worked.
    """
    begun = await here.minings.start(user, order)
    return refuse(begun) if isinstance(begun, Problem) else answer(begun, status=202)


@router.get("", response_model=MiningList)
def list_all(user: Owner, here: Here) -> Response:
    """List minings: those in line first, then the unfinished ones, then the newest 100."""
    return answer({"minings": here.minings.all(user)})


@router.get("/{id}", response_model=MiningStatus)
def show(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002 - the name in the path
    """Return what the processor's API returns, plus `run`, `place`, `progress`, `trouble`, `failures` and `remark`."""
    return answer(here.minings.show(user, id))


@router.get("/{id}/report", response_model=Report)
def report(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002
    """Return `ledger`, `balanced`, `imbalance` (sentences), `receipt`, and the `failures` that are remembered."""
    return answer(here.minings.report(user, id))


@router.post("/{id}/cancel", response_model=MiningStatus)
def cancel(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002
    """End a mining with what is stored, or take it out of the line; return its status."""
    return answer(here.minings.cancel(user, id))


@router.post("/{id}/retry", response_model=Retried)
def retry(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002
    """Send dead segments again and return `{"retried": n}`; refused once refining has begun."""
    return answer({"retried": here.minings.retry(user, id)})
