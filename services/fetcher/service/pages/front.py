"""The front of the pages: the overview, the style sheet and scripts, and all routers together."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from fastapi import APIRouter, FastAPI
from starlette.responses import Response
from starlette.staticfiles import StaticFiles

from fetcher.contacts.selection import Selection
from fetcher.service.doors import Doors
from fetcher.service.pages import contacts, doorway, mailboxes, minings, privacy
from fetcher.service.pages.charts import Bar, bars
from fetcher.service.pages.contacts import TAGS, mailboxes_of, query_of
from fetcher.service.pages.logins import Logins
from fetcher.service.pages.rendering import PageRoute, show
from fetcher.service.pages.visitors import Visitor
from fetcher.service.pages.words import view_of
from fetcher.service.room import Here, Room

STATIC = Path(__file__).parents[1] / "static"
YEARS = 6
"""The years of the chart; older contacts are one bar."""
WARMEST = 5
YEAR = timedelta(days=365)
router = APIRouter(route_class=PageRoute, include_in_schema=False)


def add_pages(app: FastAPI, doors: Doors) -> None:
    """Add the pages to the application."""
    app.state.doors = doors
    app.state.logins = Logins()
    for each in (router, doorway.router, mailboxes.router, minings.router, contacts.router, privacy.router):
        app.include_router(each)
    app.mount("/static", StaticFiles(directory=STATIC))


@router.get("/")
def overview(user: Visitor, here: Here) -> Response:
    """Show what there is, and what to do next."""
    statuses = here.minings.all(user)
    views = [view_of(fields) for fields in statuses]
    today = datetime.now(UTC).date()
    total = here.stack.processor.total(user)
    warmest = here.stack.processor.contacts(user, limit=WARMEST)[0] if total else []
    return show(
        "overview.html",
        here="overview",
        user=user,
        minings=views,
        unfinished=[view for view in views if not view.ended],
        mailboxes=mailboxes_of(statuses),
        total=total,
        lately=here.stack.processor.total(user, selection=Selection(since=(today - YEAR).isoformat())) if total else 0,
        over_time=_over_time(here, user, total, today) if total else [],
        by_tag=_by_tag(here, user) if total else [],
        contacts=warmest,
    )


def _over_time(here: Room, user: str, total: int, today: date) -> list[Bar]:
    """Return how many contacts there are by the year of their last message."""
    return bars(_by_year(here, user, total, today))


def _by_year(here: Room, user: str, total: int, today: date) -> Iterator[tuple[str, int, str]]:
    later = 0
    for year in range(today.year, today.year - YEARS, -1):
        since = Selection(since=f"{year}-01-01")
        count = here.stack.processor.total(user, selection=since)
        yield str(year), count - later, ""
        later = count
    yield "Earlier", total - later, ""


def _by_tag(here: Room, user: str) -> list[Bar]:
    """Return how many contacts have each tag, with links to them."""
    asked = [Selection(tag=tag) for tag in TAGS]
    counts = [
        (each.tag or "", here.stack.processor.total(user, selection=each), f"/contacts?{query_of(each)}")
        for each in asked
    ]
    return bars(sorted((row for row in counts if row[1]), key=lambda row: -row[1]))
