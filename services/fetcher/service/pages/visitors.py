"""Who looks at a page, and what the application holds for them."""

from typing import Annotated

from fastapi import Depends, Request

from fetcher.ports import NotFound
from fetcher.service.doors import Sender
from fetcher.service.pages.logins import Logins


def visitor_of(caller: Sender) -> str:
    """Return the user whose pages these are; raise NotFound for a caller who is nobody in particular."""
    if not caller.user:
        raise NotFound("These pages are for people who signed in with a link. Programs use the API below /users/.")
    return caller.user


def logins_of(request: Request) -> Logins:
    """Return the logins that the application holds."""
    logins: Logins = request.app.state.logins
    return logins


Visitor = Annotated[str, Depends(visitor_of)]
Held = Annotated[Logins, Depends(logins_of)]
