"""A link opens a session for a person in a browser, once, and by its button alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from fetcher.service.app import make_app
from fetcher.service.doors import COOKIE, Doors
from fetcher.service.limits import MOST_FAILURES
from fetcher.service.origins import Origins

HTTPS = "https://leadminer.example.org"
HERE = "http://127.0.0.1:8090"
BROWSER = {"Accept": "text/html,application/xhtml+xml"}
NOTHING: Any = None


@asynccontextmanager
async def browser(doors: Doors, *, pages: bool = True, url: str = HERE) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a browser in front of the service; its cookies are kept by hand, because the service speaks plain HTTP."""
    transport = httpx.ASGITransport(make_app(NOTHING, doors, pages=pages))
    async with httpx.AsyncClient(transport=transport, base_url=url, headers=BROWSER) as client:
        yield client


@pytest.mark.parametrize(("url", "name", "secure"), [(HERE, COOKIE, False), (HTTPS, f"__Host-{COOKIE}", True)])
async def test_a_link_opens_a_session_once(url: str, name: str, secure: bool) -> None:
    """Looking at a link, as previews do, spends nothing. Its button opens the session, and the next press does not."""
    doors = Doors(token="x" * 16, origins=Origins(url))
    link = doors.sessions.link("jo")

    async with browser(doors, url=url) as client:
        looked = [await client.get("/sign-in", params={"link": link}) for _ in range(3)]
        first = await client.post("/sign-in", data={"link": link}, headers={"Origin": url})
        client.cookies.clear()
        second = await client.post("/sign-in", data={"link": link}, headers={"Origin": url})

    assert [(answer.status_code, "<form" in answer.text, "set-cookie" in answer.headers) for answer in looked] == [
        (200, True, False)
    ] * 3
    cookie, *attributes = first.headers["set-cookie"].split("; ")
    assert first.status_code == 303
    assert cookie.partition("=")[0] == name
    session = doors.sessions.read_cookie(cookie.partition("=")[2])
    assert session is not None
    assert session.user == "jo"
    assert {"httponly", "samesite=strict", "path=/"} <= set(map(str.lower, attributes))
    assert ("secure" in map(str.lower, attributes)) is secure
    assert not any(attribute.lower().startswith("domain") for attribute in attributes)
    assert (second.status_code, "set-cookie" in second.headers) == (403, False)


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example.org"])
async def test_another_site_cannot_press_the_button(origin: str | None) -> None:
    """A page of another site can sign nobody in, so that nobody works in somebody else's session unawares."""
    doors = Doors(token="x" * 16, origins=Origins(HERE))
    link = doors.sessions.link("jo")

    async with browser(doors) as client:
        answer = await client.post(
            "/sign-in", data={"link": link}, headers={} if origin is None else {"Origin": origin}
        )

    assert answer.status_code == 403
    assert doors.sessions.user_of_link(link) == "jo"


async def test_guessing_links_is_limited() -> None:
    """After ten links that open nothing, an address must wait, with a right one too."""
    doors = Doors(token="x" * 16, origins=Origins(HERE))
    headers = {"Origin": HERE}

    async with browser(doors) as client:
        wrong = [await client.post("/sign-in", data={"link": "x"}, headers=headers) for _ in range(MOST_FAILURES)]
        refused = await client.post("/sign-in", data={"link": doors.sessions.link("jo")}, headers=headers)

    assert {answer.status_code for answer in wrong} == {403}
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= 60


async def test_strangers_are_sent_to_sign_in() -> None:
    """A browser without a session, or whose session is over, comes to the page that says how to get a link."""
    async with browser(Doors(token="x" * 16)) as client:
        page = await client.get("/contacts")
        form = await client.post("/minings/x/cancel", headers={"Origin": HERE})
        call = await client.get("/users/jo/contacts", headers={"Accept": "*/*"})

    assert [(each.status_code, each.headers["location"]) for each in (page, form)] == [(303, "/sign-in")] * 2
    assert call.status_code == 401


async def test_without_pages_there_is_only_the_api() -> None:
    """With SERVE_PAGE=0, no page is there, not even for a session, and strangers get an answer of the API."""
    doors = Doors(token="x" * 16)
    session = {"Cookie": f"{COOKIE}={doors.sessions.cookie('jo')}"}

    async with browser(doors, pages=False) as client:
        inside = [
            await client.get(path, headers=session) for path in ("/", "/contacts", "/sign-in", "/static/page.css")
        ]
        outside = await client.get("/contacts")

    assert {answer.status_code for answer in inside} == {404}
    assert outside.status_code == 401
