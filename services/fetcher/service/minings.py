"""The minings of a user: what the processor knows of them, together with what this service is doing."""

from asyncio import shield, wrap_future
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path
from starlette.responses import Response

from fetcher.mining.outcome import Progress
from fetcher.ports import ENDED
from fetcher.service.doors import Owner
from fetcher.service.orders import Order
from fetcher.service.problems import Problem, answer, refuse
from fetcher.service.room import Here, JsonRoute
from fetcher.service.runs import Run, Runs

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

    async def start(self, user: str, order: Order) -> Run | Problem:
        """Start a mining and return once the processor has begun it, or with the problem that prevented it."""
        request, connector = order.request(user), order.connector()
        run = self._runs.start(request, connector)
        return await shield(wrap_future(run.begun)) or run

    def all(self, user: str) -> list[Fields]:
        """Return the user's minings, the unfinished ones first."""
        under_way = self._runs.under_way(user)
        return [self._status(user, fields, under_way) for fields in self._processor.minings(user)]

    def show(self, user: str, mining: str) -> Fields:
        """Return a mining's status; raise NotFound."""
        under_way = self._runs.under_way(user)
        return self._status(user, self._processor.status_fields(user, mining=mining), under_way)

    def report(self, user: str, mining: str) -> Fields:
        """Return a mining's ledger, whether it balances, and its receipt; raise NotFound."""
        return self._processor.report(user, mining=mining)

    def cancel(self, user: str, mining: str) -> Fields:
        """End a mining with what is stored, and return its status; raise NotFound."""
        under_way = self._runs.under_way(user)
        return self._status(user, self._processor.cancel(user, mining=mining), under_way)

    def retry(self, user: str, mining: str) -> int:
        """Send a mining's dead segments again and return how many; raise Conflict or NotFound."""
        return self._processor.retry(user, mining=mining)

    def _status(self, user: str, fields: Fields, under_way: Mapping[str, Progress]) -> Fields:
        """Return the processor's status of a mining, plus what this service is doing with it.

        `run` is running (here), left (unfinished, but this service is not fetching it), waiting (for processors) or
        ended. Get `under_way` before asking the processor. Then a mining that ends in between shows as running, never
        as left, and a caller who sees `ended` can start the next mining of the source.
        """
        progress = under_way.get(fields["id"])
        problem = self._runs.problem(user, fields["id"])
        if progress is not None:
            run = "running"
        elif fields["state"] in ENDED:
            run = "ended"
        else:
            run = "left" if fields["state"] == "fetching" and not fields["cancelled"] else "waiting"
        return fields | {
            "run": run,
            "remark": RESUME if run == "left" else None,
            "progress": None if progress is None else asdict(progress),
            "trouble": None if problem is None or run == "ended" else problem.fields(),
        }


@router.post("", status_code=202)
async def start(user: Owner, order: Order, here: Here) -> Response:
    """Start a mining, or resume the unfinished one of the same source.

    Answers 202 with its `id` and whether it was `resumed`, once the login has worked and the processor has begun the
    mining.
    """
    begun = await here.minings.start(user, order)
    if isinstance(begun, Problem):
        return refuse(begun)
    return answer({"id": begun.progress.mining, "resumed": begun.progress.resumed}, status=202)


@router.get("")
def list_all(user: Owner, here: Here) -> Response:
    """List minings: the unfinished ones first, then the newest 100."""
    return answer({"minings": here.minings.all(user)})


@router.get("/{id}")
def show(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002 - the name in the path
    """Return what the processor's API returns, plus `run`, `progress`, `trouble` and `remark`."""
    return answer(here.minings.show(user, id))


@router.get("/{id}/report")
def report(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002
    """Return `ledger`, `balanced`, `imbalance` (sentences) and `receipt`."""
    return answer(here.minings.report(user, id))


@router.post("/{id}/cancel")
def cancel(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002
    """End a mining with what is stored; return its status."""
    return answer(here.minings.cancel(user, id))


@router.post("/{id}/retry")
def retry(user: Owner, id: Mining, here: Here) -> Response:  # noqa: A002
    """Send dead segments again and return `{"retried": n}`; refused once refining has begun."""
    return answer({"retried": here.minings.retry(user, id)})
