"""The fetcher's HTTP service, for other programs and for browsers: the application and its middleware."""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware

from fetcher.service import contacts, events, folders, health, minings, providers
from fetcher.service.bounds import Bounds
from fetcher.service.doors import Doors, Guard
from fetcher.service.health import Readiness
from fetcher.service.metrics import Counted, Metrics
from fetcher.service.minings import Minings
from fetcher.service.origins import Hosts
from fetcher.service.pages.front import add_pages
from fetcher.service.problems import PROBLEM_MEDIA, ProblemFields, refuse_http, refuse_invalid
from fetcher.service.room import Room
from fetcher.service.runs import Runs
from fetcher.service.watches import Watches

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack

PROBLEM_SCHEMA = TypeAdapter(ProblemFields).json_schema()
PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {"description": "A problem", "content": {PROBLEM_MEDIA: {"schema": PROBLEM_SCHEMA}}}
}
"""What each route answers if it cannot do what it was asked for."""


def make_room(stack: "Stack", runs: Runs) -> Room:
    """Return what the routes work with."""
    minings = Minings(stack, runs)
    return Room(stack, minings, Watches(stack, minings), runs.mailboxes)


def make_app(room: Room, doors: Doors, *, pages: bool = True, metrics: Metrics | None = None) -> FastAPI:
    """Return the application, with its pages or without.

    Everything needs a caller whom the doors know, except for what these leave open, such as GET /health.
    """
    app = FastAPI(
        title="leadminer",
        version=version("leadminer"),
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,  # a redirect would be sent for paths that do not exist
        exception_handlers={HTTPException: refuse_http, RequestValidationError: refuse_invalid},
        responses=PROBLEMS,
    )
    app.state.room = room
    app.state.metrics = metrics or Metrics()
    app.state.readiness = Readiness()
    routers = (health.router, providers.router, folders.router, minings.router, events.router, contacts.router)
    for router in routers:
        app.include_router(router)
    if pages:
        add_pages(app, doors)
    app.add_middleware(Guard, doors=doors, pages=pages)
    app.add_middleware(Bounds)
    if doors.origins.others:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=doors.origins.others,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After"],
        )
    app.add_middleware(Hosts, origins=doors.origins)
    app.add_middleware(Counted, metrics=app.state.metrics)
    return app
