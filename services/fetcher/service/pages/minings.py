"""The pages about minings: the list, one of them, and its progress as it happens."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path
from starlette.responses import Response

from fetcher.ports import NotFound
from fetcher.service.doors import Sender
from fetcher.service.events import open_stream
from fetcher.service.pages.rendering import PageRoute, go, render, show
from fetcher.service.pages.visitors import Visitor
from fetcher.service.pages.words import MiningView, view_of
from fetcher.service.room import Here
from fetcher.service.watches import ENDED

router = APIRouter(route_class=PageRoute, include_in_schema=False)
Mining = Annotated[str, Path()]


@router.get("/mailboxes")
def list_minings(user: Visitor, here: Here) -> Response:
    """Show the mailboxes, each with its minings; those with an unfinished one come first."""
    mailboxes: dict[str, list[MiningView]] = {}
    for view in map(view_of, here.minings.all(user)):
        mailboxes.setdefault(view.source, []).append(view)
    return show("mailboxes.html", here="mailboxes", user=user, mailboxes=mailboxes)


@router.get("/minings/{mining}")
def show_mining(user: Visitor, mining: Mining, here: Here) -> Response:
    """Show how far a mining is, or what it found."""
    try:
        view = view_of(here.minings.show(user, mining))
    except NotFound:
        raise NotFound("There is no such mining, or it was erased before it began.") from None
    return show("mining.html", here="mailboxes", user=user, mining=view, problem=None)


@router.post("/minings/{mining}/cancel")
def cancel(user: Visitor, mining: Mining, here: Here) -> Response:
    """Stop reading, keep what was found, and show the mining again."""
    here.minings.cancel(user, mining)
    return go(f"/minings/{mining}")


@router.get("/minings/{mining}/live")
async def follow(
    user: Visitor, sender: Sender, mining: Mining, here: Here, last_event_id: Annotated[str, Header()] = ""
) -> Response:
    """Stream the changing parts of a mining's page, until it has ended."""
    if last_event_id == ENDED:
        return Response(status_code=204)  # a browser that had the last event does not connect again
    return await open_stream(here.watches.watching(user, mining), sender, render=render_live)


def render_live(fields: dict[str, Any]) -> str:
    """Return the changing parts of a page. The last event has none, because the browser then loads the page again."""
    under_way = fields.get("run", "ended") != "ended"
    return render("_live.html", mining=view_of(fields)) if under_way else ENDED
