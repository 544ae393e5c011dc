"""Signing in and out: a link shows a button, and only the button opens a session."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import Response

from fetcher.service.doors import Doors
from fetcher.service.pages.rendering import PageRoute, go, show
from fetcher.service.problems import Problem
from fetcher.service.sessions import SESSION_SECONDS

router = APIRouter(route_class=PageRoute, include_in_schema=False)
SPENT = Problem(403, "link", "This link does not work, because it is older than ten minutes or was used already.")


@router.get("/sign-in")
def knock(request: Request, link: str = "") -> Response:
    """Show whose session a link opens, without spending it, or how to get a link."""
    user = _doors(request).sessions.user_of_link(link) if link else None
    return _ask(user, link, problem=SPENT if link and user is None else None)


@router.post("/sign-in")
def enter(request: Request, link: Annotated[str, Form()]) -> Response:
    """Spend a link, and go to the overview with the cookie of a session."""
    doors = _doors(request)
    user = doors.sign_in(request, link)
    if user is None:
        return _ask(None, "", problem=SPENT)
    answer = go("/")
    answer.set_cookie(
        doors.cookie,
        doors.sessions.cookie(user),
        max_age=SESSION_SECONDS,
        secure=doors.origins.secure,
        httponly=True,
        samesite="strict",
    )
    return answer


@router.post("/sign-out")
def leave(request: Request) -> Response:
    """End the session in this browser."""
    doors = _doors(request)
    answer = go("/sign-in")
    answer.delete_cookie(doors.cookie, secure=doors.origins.secure, httponly=True, samesite="strict")
    return answer


def _doors(request: Request) -> Doors:
    doors: Doors = request.app.state.doors
    return doors


def _ask(user: str | None, link: str, *, problem: Problem | None) -> Response:
    status = problem.status if problem else 200
    return show("sign_in.html", status=status, user=user, link=link if user else "", problem=problem)
