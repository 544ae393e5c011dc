"""Turn templates into answers, and what the templates call to show numbers, dates and contacts."""

import zlib
from collections.abc import Callable, Coroutine, Mapping
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from fetcher.service.problems import TITLES, Problem

log = structlog.get_logger()

NOT_THERE = Problem(404, "unknown", "There is no page at this address.")
UNREADABLE = Problem(400, "request", "This page's address or form is incomplete or wrong: go back and try again.")

TEMPLATES = Path(__file__).parents[1] / "templates"
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",  # `no-referrer` would take the Origin from our own forms
    "X-Content-Type-Options": "nosniff",
}
SHORT = 120
"""The most characters of a name or address where there is room for only one."""
TONES = 6
UNKNOWN = "unknown"


def show(name: str, *, status: int = 200, **values: Any) -> Response:
    """Return a page."""
    return HTMLResponse(render(name, **values), status_code=status, headers=HEADERS)


def render(name: str, **values: Any) -> str:
    """Return the text of a page or of a part of one; what it shows is escaped."""
    return _environment().get_template(name).render(values)


def go(path: str, **query: str) -> Response:
    """Return a redirect that a browser follows with GET."""
    target = f"{path}?{urlencode(query)}" if query else path
    return RedirectResponse(target, status_code=303, headers=HEADERS)


class PageRoute(APIRoute):
    """A route of a page: any error becomes a page that says what is wrong."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError:
                return show_problem(request, UNREADABLE)
            except HTTPException as error:
                return show_problem(request, UNREADABLE if error.status_code == 400 else NOT_THERE)
            except Exception as error:
                problem = Problem.of(error)
                if problem.way:
                    log.error("request failed", way=problem.way)
                return show_problem(request, problem)

        return handle_page


def show_problem(request: Request, problem: Problem) -> Response:
    """Return a page about a problem."""
    caller = getattr(request.state, "caller", None)
    page = show(
        "problem.html",
        status=problem.status,
        here="",
        user=getattr(caller, "user", None) or "",
        title=TITLES.get(problem.code, "This did not work"),
        problem=problem,
    )
    if problem.retry_seconds:
        page.headers["Retry-After"] = str(problem.retry_seconds)
    return page


def number(count: int | None) -> str:
    """Return a count with its thousands apart."""
    return "0" if count is None else f"{count:,}"


def plural(count: int | None, noun: str) -> str:
    """Return a count with its noun."""
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{number(count)} {noun}{ending}"


def day(moment: str | None) -> str:
    """Return a date of the API as people write it."""
    if not moment:
        return UNKNOWN
    read = date.fromisoformat(moment[:10])
    return f"{read.day} {read:%b} {read.year}"


def moment(text: str | None) -> str:
    """Return a time of the API to the minute."""
    if not text:
        return UNKNOWN
    read = datetime.fromisoformat(text)
    return f"{day(text)}, {read:%H:%M} UTC"


def short(text: str) -> str:
    """Return a text, cut if it is very long; the page of the contact has all of it."""
    return text if len(text) <= SHORT else f"{text[:SHORT]}…"


def initials(contact: Mapping[str, Any]) -> str:
    """Return one or two letters for a contact."""
    words = [word for word in str(contact["name"] or "").split() if word[0].isalpha()]
    letters = words[0][0] + (words[-1][0] if len(words) > 1 else "") if words else str(contact["address"])[:1]
    return letters.upper()


def tone(contact: Mapping[str, Any]) -> int:
    """Return the number of a contact's color, always the same for one address."""
    return zlib.crc32(str(contact["address"]).encode("utf-8", "replace")) % TONES


def contact_url(address: str) -> str:
    """Return where a contact's page is; an address can have any character, so it is no part of the path."""
    return f"/contact?{urlencode({'address': address})}"


def one_of(plurals: str) -> str:
    """Return what a provider accepts, of which a login needs one: `an app password` for `app passwords`."""
    first, _, rest = plurals.partition("s for ")
    noun = f"{first} for {rest}" if rest else plurals.removesuffix("s")
    return f"{'an' if noun[0].lower() in 'aeiou' else 'a'} {noun}"


def tag_names(contact: Mapping[str, Any]) -> list[str]:
    """Return the distinct names of a contact's tags."""
    return list(dict.fromkeys(tag["name"] for tag in contact["tags"]))


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (number, plural, day, moment, short, initials, tone, contact_url, one_of, tag_names)
    made.filters.update({each.__name__: each for each in filters})
    return made
