"""Who may use the service: each request has a caller, and a caller may act for one user or for any."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Path, Request
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fetcher.ports import NotFound, Trouble, check_user
from fetcher.service.limits import Limits, place_of
from fetcher.service.origins import Origins
from fetcher.service.problems import NOT_THERE, Problem, refuse
from fetcher.service.sessions import SIGN_IN, Sessions
from schemas.tokens import Claims, TokenScope, is_secret, read_token

if TYPE_CHECKING:
    from fetcher.service.jwts import Jwts

OPEN = frozenset({("GET", "/health"), ("GET", "/ready"), ("GET", SIGN_IN), ("POST", SIGN_IN)})
STATIC = "/static/"
"""What anybody can ask: whether the service is up, to sign in, and what pages look like."""
METRICS = "/metrics"
"""For the operator: the service's token, or a caller on this machine."""
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ERASING = frozenset({"erase", "allow", "suppressions"})
"""The parts of a path below which POST erases something, or lets it come back."""
COOKIE = "leadminer"
NO_TOKEN = Problem(401, "token", "The service's token is missing or wrong: send it as Authorization: Bearer …")
FOREIGN = Problem(403, "origin", "This does not come from one of our own pages: open them at the address in SERVE_URL.")


def no_scope(needed: TokenScope) -> Problem:
    """Return the problem of a token that is not for this."""
    return Problem(403, "scope", f"This token does not allow this: it needs the scope {needed}.")


class Shut(Exception):
    """A request that may not pass, with the problem that it is answered with."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request: the `user` for whom they may act, or None for any user, what they may do, and until when."""

    user: str | None = None
    scopes: frozenset[TokenScope] = frozenset(TokenScope)
    expires_at: float = inf

    @classmethod
    def of(cls, claims: Claims) -> "Caller":
        """Return the caller whom a token or a session describes."""
        return cls(claims.user, claims.scopes, claims.expires_at)

    def may(self, user: str) -> bool:
        """Return whether the caller may act for this user."""
        return self.user is None or self.user == user


STRANGER = Caller("", frozenset())
"""Somebody who proves nothing, and may act for nobody."""


class Doors:
    """Recognizes callers: by the service's token, a user's token or JWT, or the cookie of a page's session."""

    def __init__(
        self,
        *,
        token: str = "",
        secrets: Sequence[str] = (),
        sessions: Sessions | None = None,
        jwts: "Jwts | None" = None,
        limits: Limits | None = None,
        origins: Origins = Origins(),  # noqa: B008 (it is immutable)
    ) -> None:
        """Let in who sends `token`, for any user, and each user whose token one of `secrets` has made."""
        self._token = token
        self._secrets = tuple(secrets)
        self._jwts = jwts
        self._limits = limits or Limits()
        self.sessions = sessions or Sessions(token or token_hex())
        self.origins = origins

    @property
    def cookie(self) -> str:
        """The name of the cookie; over TLS, browsers accept this name from no other host and path."""
        return f"__Host-{COOKIE}" if self.origins.secure else COOKIE

    async def admit(self, request: HTTPConnection) -> Caller:
        """Return who sent a request; raise Shut, TooOften or Unavailable if it must not pass."""
        method, path = request.scope["method"], request.scope["path"]
        caller = await self._caller(request)
        if path == METRICS and self.origins.is_from_here(request):
            return caller or STRANGER
        if caller is None and (method, path) not in OPEN and not (method == "GET" and path.startswith(STATIC)):
            raise Shut(NO_TOKEN)
        if path == METRICS and (caller is None or caller.user is not None):
            raise Shut(NOT_THERE)
        with_token = bool(request.headers.get("authorization"))
        if method not in SAFE_METHODS and not with_token and not self.origins.sent(request):
            raise Shut(FOREIGN)
        if caller is not None and (needed := scope_of(method, path)) not in caller.scopes:
            raise Shut(no_scope(needed))
        return caller or STRANGER

    def sign_in(self, request: HTTPConnection, link: str) -> str | None:
        """Return whose session a link opens, and spend it; None if it opens none, TooOften if too many did not."""
        key = f"link {_place(request)}"
        self._limits.check(key, "links")
        user = self.sessions.spend(link)
        if user is None:
            self._limits.count(key)
        return user

    async def _caller(self, request: HTTPConnection) -> Caller | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme:
            return await self._bearer(token.strip(), request) if scheme.lower() == "bearer" else None
        session = self.sessions.read_cookie(request.cookies.get(self.cookie, ""))
        return None if session is None else Caller.of(session)

    async def _bearer(self, token: str, request: HTTPConnection) -> Caller | None:
        """Return whose token this is.

        Signed tokens cannot be guessed. The service's token is a text that somebody chose, so guesses are counted.
        """
        if claims := read_token(token, self._secrets):
            return Caller.of(claims)
        if self._jwts is not None and (claims := await self._jwts.claims_of(token)) is not None:
            return Caller.of(claims)
        key = f"token {_place(request)}"
        self._limits.check(key, "tokens")
        if is_secret(token, [self._token]):
            return Caller()
        if token:
            self._limits.count(key)
        return None


class Guard:
    """Middleware that refuses strangers before anything of their request is read, also where there is no route."""

    def __init__(self, app: ASGIApp, *, doors: Doors, pages: bool = False) -> None:
        """Guard an application; with `pages`, strangers who open one are sent to sign in."""
        self._app = app
        self._doors = doors
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its caller."""
        if scope["type"] == "http":
            try:
                caller = await self._doors.admit(HTTPConnection(scope))
            except (Shut, Trouble) as trouble:
                problem = trouble.problem if isinstance(trouble, Shut) else Problem.of(trouble)
                to_sign_in = self._pages and problem is NO_TOKEN and is_page(scope)
                answer = RedirectResponse(SIGN_IN, 303) if to_sign_in else refuse(problem)
                await answer(scope, receive, send)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self._app(scope, receive, send)


def is_page(scope: Scope) -> bool:
    """Return whether a browser opens a page or sends its form, and does not just call the API from one."""
    headers = Headers(scope=scope)
    return "text/html" in headers.get("accept", "") and "authorization" not in headers


def _place(request: HTTPConnection) -> str:
    return place_of(request.client.host if request.client else None)


def scope_of(method: str, path: str) -> TokenScope:
    """Return the scope that a request needs, also one for a route that does not exist yet."""
    if method in SAFE_METHODS:
        return TokenScope.READ
    return TokenScope.MINE if ERASING.isdisjoint(path.split("/")) else TokenScope.ERASE


def caller_of(request: Request) -> Caller:
    """Return the caller whom the guard let in."""
    caller = request.state.caller
    return caller if isinstance(caller, Caller) else STRANGER


Sender = Annotated[Caller, Depends(caller_of)]
"""Who sent the request."""


def owner_of(user: Annotated[str, Path()], caller: Sender) -> str:
    """Return the user in the path; raise NotFound if the caller may not act for them, so that nobody can probe."""
    if not caller.may(user):
        raise NotFound("There is no such user, or they belong to somebody else.")
    return check_user(user)


Owner = Annotated[str, Depends(owner_of)]
"""The user below whose path a route is."""
