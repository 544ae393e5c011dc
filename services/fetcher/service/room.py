"""What the routes of the service share: the stack, the minings, and the kind of route that all of them are."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import structlog
from anyio import CapacityLimiter
from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from fetcher.service.mailboxes import Mailboxes
from fetcher.service.problems import Problem, refuse

if TYPE_CHECKING:
    from fetcher.bootstrap import Stack
    from fetcher.service.minings import Minings
    from fetcher.service.watches import Watches

log = structlog.get_logger()

LISTED_AT_ONCE = 16
"""Mailboxes; they are listed in threads of their own, so that slow mail servers do not hold up other requests. Users
have equal shares of them."""


@dataclass(frozen=True, slots=True)
class Room:
    """What the API's routes and the pages work with.

    `listing` has the user of each mailbox whose folders are being listed, and `listers` the threads for that.
    """

    stack: "Stack"
    minings: "Minings"
    watches: "Watches"
    mailboxes: Mailboxes = field(default_factory=Mailboxes)
    listing: list[str] = field(default_factory=list)
    listers: CapacityLimiter = field(default_factory=partial(CapacityLimiter, LISTED_AT_ONCE))


def room_of(request: Request) -> Room:
    """Return what the application was made with."""
    room: Room = request.app.state.room
    return room


Here = Annotated[Room, Depends(room_of)]


class JsonRoute(APIRoute):
    """A route of the API: its body is JSON whatever its Content-Type says, and any error becomes a problem."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            headers = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
            scope = {**request.scope, "headers": [*headers, (b"content-type", b"application/json")]}
            try:
                return await handle(Request(scope, request.receive))
            except (HTTPException, RequestValidationError):
                raise
            except Exception as error:
                problem = Problem.of(error)
                if problem.way:
                    log.error("request failed", way=problem.way)
                return refuse(problem)

        return handle_json
