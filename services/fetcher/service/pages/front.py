"""The front of the pages: the overview, the style sheet and scripts, and all routers together."""

import asyncio
from pathlib import Path

from fastapi import APIRouter, FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from fetcher.service.doors import Doors, is_page
from fetcher.service.pages import contacts, doorway, mailboxes, minings, privacy
from fetcher.service.pages.contacts import mailboxes_of
from fetcher.service.pages.counts import Remembered
from fetcher.service.pages.logins import Logins
from fetcher.service.pages.rendering import NOT_THERE, PageRoute, show, show_problem
from fetcher.service.pages.visitors import Visitor
from fetcher.service.pages.words import view_of
from fetcher.service.problems import refuse_http
from fetcher.service.room import Here

STATIC = Path(__file__).parents[1] / "static"
WARMEST = 5
router = APIRouter(route_class=PageRoute, include_in_schema=False)


def add_pages(app: FastAPI, doors: Doors) -> None:
    """Add the pages to the application."""
    app.state.doors = doors
    app.state.logins = Logins()
    app.state.counts = Remembered()
    for each in (router, doorway.router, mailboxes.router, minings.router, contacts.router, privacy.router):
        app.include_router(each)
    app.add_exception_handler(HTTPException, refuse_page)
    app.mount("/static", StaticFiles(directory=STATIC))


async def refuse_page(request: Request, error: Exception) -> Response:
    """Answer a browser that asks for a page that does not exist with a page, and everybody else as the API does."""
    return show_problem(request, NOT_THERE) if is_page(request.scope) else await refuse_http(request, error)


@router.get("/")
async def overview(request: Request, user: Visitor, here: Here) -> Response:
    """Show what there is, and what to do next."""
    processor = here.stack.processor
    minings, total, (warmest, _) = await asyncio.gather(
        run_in_threadpool(here.minings.all, user),
        run_in_threadpool(processor.total, user),
        run_in_threadpool(processor.contacts, user, limit=WARMEST),
    )
    remembered: Remembered = request.app.state.counts
    counts = await remembered.counts(here, user, total=total, minings=minings)
    views = [view_of(fields) for fields in minings]
    return show(
        "overview.html",
        here="overview",
        user=user,
        minings=views,
        unfinished=[view for view in views if not view.ended],
        mailboxes=mailboxes_of(minings),
        total=total,
        counts=counts,
        contacts=warmest,
    )
