"""Who may use the service: each request has a caller, and a caller may act for one user or for any."""

import hmac
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Request
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from fetcher.ports import NotFound, check_user
from fetcher.service.problems import Problem, refuse

OPEN = frozenset({("GET", "/health")})
"""What anybody can ask."""
NO_TOKEN = Problem(401, "token", "The service's token is missing or wrong: send it as Authorization: Bearer …")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the `user` for whom they may act, or None for any user."""

    user: str | None = None

    def may(self, user: str) -> bool:
        """Return whether the caller may act for this user."""
        return self.user is None or self.user == user


class Doors:
    """Recognizes callers by their tokens."""

    def __init__(self, *, token: str) -> None:
        """Let those in who send the service's token, for any user."""
        self._token = token.encode()

    def caller(self, request: HTTPConnection) -> Caller | None:
        """Return who sent a request, or None if it proves nothing."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        known = hmac.compare_digest(token.strip().encode(), self._token)
        return Caller() if known and scheme.lower() == "bearer" else None


class Guard:
    """Middleware that refuses strangers before anything of their request is read, also where there is no route."""

    def __init__(self, app: ASGIApp, *, doors: Doors) -> None:
        """Stand in front of an application."""
        self._app = app
        self._doors = doors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller."""
        if scope["type"] == "http":
            caller = self._doors.caller(HTTPConnection(scope))
            if caller is None and (scope["method"], scope["path"]) not in OPEN:
                await refuse(NO_TOKEN)(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


def caller_of(request: Request) -> Caller:
    """Return the caller whom the guard let in; nobody may act for any user through an open door."""
    caller = request.state.caller
    return caller if isinstance(caller, Caller) else Caller("")


def owner_of(user: Annotated[str, Path()], caller: Annotated[Caller, Depends(caller_of)]) -> str:
    """Return the user in the path; raise NotFound if the caller may not act for them, so that nobody can probe."""
    if not caller.may(user):
        raise NotFound("There is no such user, or they belong to somebody else.")
    return check_user(user)


Owner = Annotated[str, Depends(owner_of)]
"""The user below whose path a route is."""
