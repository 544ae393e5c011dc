"""Who gets in: every route refuses everybody who may not use it, whatever they send, and lets in who may."""

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from fetcher import bootstrap
from fetcher.adapters.processor import ProcessorClient
from fetcher.ports import Unavailable
from fetcher.service.app import make_app, make_room
from fetcher.service.doors import COOKIE, OPEN, SAFE_METHODS, Doors, scope_of
from fetcher.service.jwts import Jwts
from fetcher.service.limits import MOST_FAILURES, Limits
from fetcher.service.origins import Origins
from fetcher.service.runs import Runs
from fetcher.service.sessions import SESSION_SECONDS, Sessions
from schemas.tokens import TokenScope, make_token
from tests.support.fake_processor import TOKEN, FakeProcessor, running
from tests.support.fetcher_fakes import MemoryJobQueue, MemoryRawStore
from tests.support.supabase_auth import KEYS, PROJECT, forged, signed
from tests.unit.fetcher.service.test_limits import Clock

SERVICE_TOKEN = "the-token-of-the-service"
SECRET = "the-secret-of-the-processor"
HERE = "http://127.0.0.1:8090"
HOUR = 3600.0


def token(user: str = "jo", *scopes: TokenScope, expires_in: float = HOUR, secret: str = SECRET) -> str:
    """Return a user's token, by default with every scope."""
    return make_token(secret, user, scopes or TokenScope, time.time() + expires_in)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def cookie(text: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={text}", "Origin": HERE}


LATE = Clock()
LATE.now = time.time() - SESSION_SECONDS - 1
REFUSED = {
    "nothing": {},
    "an empty token": bearer(""),
    "a wrong token": bearer("wrong"),
    "a part of the service's token": bearer(SERVICE_TOKEN[:-1]),
    "the service's token as a password": {"Authorization": f"Basic {SERVICE_TOKEN}"},
    "the processor's secret": bearer(SECRET),
    "an expired token": bearer(token(expires_in=-1)),
    "a token under another secret": bearer(token(secret="another-secret")),
    "a changed token": bearer(token("ann").replace(token("ann").split(".")[1], token().split(".")[1])),
    "a session as a token": bearer(Sessions(SERVICE_TOKEN).cookie("jo")),
    "a token as a session": cookie(token()),
    "the service's token as a session": cookie(SERVICE_TOKEN),
    "an expired session": cookie(Sessions(SERVICE_TOKEN, clock=LATE).cookie("jo")),
    "a session under another secret": cookie(Sessions("another-secret").cookie("jo")),
    **{f"a JWT that is {wrong}": bearer(text) for wrong, text in forged().items()},
}
"""What opens nothing, as headers."""
OTHERS = {
    "a token": bearer(token("ann")),
    "a JWT": bearer(signed("ann")),
    "a session": cookie(Sessions(SERVICE_TOKEN).cookie("ann")),
}
"""What opens everything of another user."""
OWN = {
    "the service's token": bearer(SERVICE_TOKEN),
    "a token": bearer(token()),
    "a JWT": bearer(signed()),
    "a session": cookie(Sessions(SERVICE_TOKEN).cookie("jo")),
}


def doors(**changes: Any) -> Doors:
    """Return doors that know every kind of caller."""
    known: dict[str, Any] = {
        "token": SERVICE_TOKEN,
        "secrets": [SECRET],
        "jwts": Jwts(PROJECT, lambda _: KEYS),
        "origins": Origins(HERE),
    }
    return Doors(**(known | changes))


def routes_of(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Yield the method and path of every route, also of those in included routers; HEAD is answered like GET."""
    for route in routes:
        if hasattr(route, "original_router"):
            yield from routes_of(route.original_router.routes)
        elif isinstance(route, Route):
            yield from ((method, route.path) for method in sorted(route.methods or ()) if method != "HEAD")


NOTHING: Any = None
ROUTES = list(routes_of(make_app(NOTHING, doors()).routes))
"""Every route of the application, so that a new one is in these tests by itself."""
CLOSED = [route for route in ROUTES if route not in OPEN]
OF_A_USER = [(method, path) for method, path in CLOSED if "{user}" in path]
CHANGING = [(method, path) for method, path in OF_A_USER if method not in SAFE_METHODS]


def test_the_routes_are_found() -> None:
    """The tests below are about the routes that there are."""
    assert {("POST", "/users/{user}/minings"), ("GET", "/users/{user}/export"), ("GET", "/openapi.json")} <= set(CLOSED)
    assert len(CHANGING) >= 3


def filled(path: str) -> str:
    """Return a path of the user `jo`, with some id wherever one belongs."""
    parts = path.replace("{user}", "jo").split("/")
    return "/".join("11111111-aaaa-4aaa-8aaa-000000000001" if part.startswith("{") else part for part in parts)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Any]:
    """Yield what the application works with, in front of a processor that knows nothing."""
    store = MemoryRawStore()
    with running(FakeProcessor("jo")) as processor, ProcessorClient(processor.url, TOKEN) as client:
        stack = bootstrap.Stack(store, MemoryJobQueue(store), client, embedded=False)
        yield make_room(stack, Runs(stack, claims=tmp_path, most=1))


@asynccontextmanager
async def client_of(room: Any, door: Doors | None = None) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(make_app(room, door or doors()), client=("203.0.113.9", 50_000))
    async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
        yield client


@pytest.mark.parametrize("who", REFUSED)
async def test_every_route_refuses_strangers(who: str) -> None:
    """No route answers anything but 401 to somebody who proves nothing, and neither does a path without a route."""
    async with client_of(None, doors(limits=Limits(clock=count(step=60).__next__))) as client:
        answers = {
            (method, path): await client.request(method, filled(path), headers=REFUSED[who])
            for method, path in [
                *CLOSED,
                ("GET", "/nothing"),
                ("DELETE", "/"),
                ("POST", "/health"),
                ("GET", "/metrics"),
            ]
        }

    assert {route: answer.status_code for route, answer in answers.items() if answer.status_code != 401} == {}
    assert {answer.json()["code"] for answer in answers.values()} == {"token"}


@pytest.mark.parametrize("who", OTHERS)
async def test_every_route_hides_other_users(who: str) -> None:
    """What belongs to another user is not there, for a valid caller too, and nothing tells them that it is."""
    async with client_of(None) as client:
        answers = [await client.request(method, filled(path), headers=OTHERS[who]) for method, path in OF_A_USER]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(404, "unknown")}


@pytest.mark.parametrize("given", [{TokenScope.READ}, {TokenScope.MINE}, {TokenScope.ERASE}])
async def test_every_route_honors_scopes(given: set[TokenScope]) -> None:
    """A token that allows only a part is refused by every other route, with the scope that it needs."""
    others = [route for route in OF_A_USER if scope_of(*route) not in given]

    async with client_of(None) as client:
        answers = [
            (scope_of(method, path), await client.request(method, filled(path), headers=bearer(token("jo", *given))))
            for method, path in others
        ]

    assert {answer.status_code for _, answer in answers} == {403}
    assert [needed for needed, answer in answers if f"the scope {needed}." not in answer.json()["error"]] == []


def test_what_a_route_needs() -> None:
    """Reading needs `read`, erasing and its opposite need `erase`, and whatever else changes something `mine`."""
    assert {scope_of(method, path) for method, path in CHANGING} <= {TokenScope.MINE, TokenScope.ERASE}
    assert scope_of("GET", "/users/jo/erase") is TokenScope.READ
    assert scope_of("POST", "/users/jo/erase") is TokenScope.ERASE
    assert scope_of("DELETE", "/users/jo/suppressions/x") is TokenScope.ERASE
    assert scope_of("PUT", "/users/jo/something/new") is TokenScope.MINE


@pytest.mark.parametrize("who", OWN)
async def test_who_gets_in(room: Any, who: str) -> None:
    """Each kind of caller reaches its own minings, and no error says more than that there is none with this id."""
    async with client_of(room) as client:
        listed = await client.get("/users/jo/minings", headers=OWN[who])
        started = await client.post("/users/jo/minings", headers=OWN[who], content=b"{}")

    assert (listed.status_code, listed.json()) == (200, {"minings": []})
    assert (started.status_code, started.json()["code"]) == (400, "request")


@pytest.mark.parametrize("origin", [None, "null", "http://evil.example.org", "https://127.0.0.1:8090", f"{HERE}0", ""])
async def test_other_pages_cannot_use_a_session(origin: str | None) -> None:
    """What changes something with a session's cookie must come from our own page, as the browser says."""
    headers = {"Cookie": f"{COOKIE}={Sessions(SERVICE_TOKEN).cookie('jo')}"} | (
        {} if origin is None else {"Origin": origin}
    )

    async with client_of(None) as client:
        answers = [
            await client.request(method, filled(path), headers=headers | more)
            for method, path in CHANGING
            for more in ({}, {"Authorization": ""})
        ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(403, "origin")}


async def test_guesses_are_limited(room: Any) -> None:
    """After ten wrong tokens, an address must wait before the next; signed tokens and sessions are no guesses."""
    async with client_of(room) as client:
        wrong = [await client.get("/users/jo/minings", headers=bearer("wrong")) for _ in range(MOST_FAILURES)]
        refused = await client.get("/users/jo/minings", headers=bearer(SERVICE_TOKEN))
        others = [await client.get("/users/jo/minings", headers=OWN[who]) for who in ("a token", "a JWT", "a session")]

    assert {answer.status_code for answer in wrong} == {401}
    assert (refused.status_code, refused.json()["code"]) == (429, "often")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert {answer.status_code for answer in others} == {200}


async def test_the_keys_are_away(room: Any) -> None:
    """If the keys of JWTs cannot be read, their users are told to come back, and all others get in."""

    def away(_: str) -> list[dict[str, Any]]:
        raise Unavailable("away")

    async with client_of(room, doors(jwts=Jwts(PROJECT, away))) as client:
        answers = {who: await client.get("/users/jo/minings", headers=OWN[who]) for who in OWN}

    assert {who: answer.status_code for who, answer in answers.items()} == dict.fromkeys(OWN, 200) | {"a JWT": 503}
    assert answers["a JWT"].json()["code"] == "unavailable"


async def test_without_a_project_jwts_open_nothing() -> None:
    """Without SUPABASE_URL, no JWT is anybody's."""
    async with client_of(None, doors(jwts=None)) as client:
        answer = await client.get("/users/jo/minings", headers=bearer(signed()))

    assert answer.status_code == 401


async def test_without_a_service_token_nobody_acts_for_all(room: Any) -> None:
    """If SERVE_TOKEN is not set, an empty token is not it, and users still get in."""
    secret = "kept in the data directory"
    async with client_of(room, doors(token="", sessions=Sessions(secret))) as client:
        empty = [await client.get("/users/jo/minings", headers=bearer(text)) for text in ("", " ", secret)]
        session = await client.get("/users/jo/minings", headers=cookie(Sessions(secret).cookie("jo")))

    assert {answer.status_code for answer in empty} == {401}
    assert session.status_code == 200


async def test_a_user_called_nobody_in_particular(room: Any) -> None:
    """A JWT's user is taken as written: `*`, `..` or an empty one open nothing of others."""
    headers = [bearer(signed(user)) for user in ("*", "..", "%", "jo/", "jo\x00", "JO")]

    async with client_of(room) as client:
        answers = [await client.get("/users/jo/minings", headers=header) for header in headers]

    assert {answer.status_code for answer in answers} == {404}


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1.example.org", "localhost.evil.org", "a@127.0.0.1", ""])
async def test_a_foreign_host_is_refused(host: str) -> None:
    """A site that points its own name to us gets nothing, not even the state of the service."""
    async with client_of(None) as client:
        answers = [await client.get(path, headers={"Host": host}) for path in ("/health", "/users/jo/minings")]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(421, "host")}


@pytest.mark.parametrize(
    ("url", "host", "answers"),
    [
        ("https://leadminer.example.org", "leadminer.example.org", True),
        ("https://leadminer.example.org", "LEADMINER.example.org:443", True),
        ("https://leadminer.example.org", "127.0.0.1:8090", True),
        ("https://leadminer.example.org", "localhost", True),
        ("https://leadminer.example.org", "[::1]:8090", True),
        ("https://leadminer.example.org", "203.0.113.9", False),
        ("https://leadminer.example.org", "example.org", False),
        ("", "203.0.113.9:8090", True),
        ("", "[2001:db8::1]:8090", True),
        ("", "fetcher:8090", False),
    ],
)
def test_hosts(url: str, host: str, answers: bool) -> None:
    """The service answers under SERVE_URL and loopback; without SERVE_URL, under any address, but under no name."""
    assert Origins(url).is_host(host) is answers


async def test_other_origins_are_off() -> None:
    """Without SERVE_ORIGINS, a browser lets no other page read an answer; with it, those that are named."""
    ask = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "GET"}
    named = Origins(HERE, ("https://app.example.org",))

    async with client_of(None) as client, client_of(None, doors(origins=named)) as open_client:
        off = await client.options("/users/jo/minings", headers=ask)
        on = await open_client.options("/users/jo/minings", headers=ask)
        other = await open_client.options("/users/jo/minings", headers=ask | {"Origin": "https://evil.example.org"})
        refused = await open_client.get("/users/jo/minings", headers={"Origin": "https://app.example.org"})

    assert "access-control-allow-origin" not in off.headers
    assert on.headers["access-control-allow-origin"] == "https://app.example.org"
    assert "access-control-allow-credentials" not in on.headers
    assert "access-control-allow-origin" not in other.headers
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://app.example.org")


def test_the_cookie_over_tls() -> None:
    """Over TLS, the cookie's name says that it is for this host alone."""
    assert doors(origins=Origins("https://a.example.org")).cookie == f"__Host-{COOKIE}"
    assert doors().cookie == COOKIE
