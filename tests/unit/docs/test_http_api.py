"""The tables of `docs/http-api.md` are what both APIs answer."""

from collections.abc import Iterator
from typing import Any

import pytest

from fetcher.ports import Trouble
from fetcher.service.doors import FOREIGN, NO_TOKEN, no_scope
from fetcher.service.origins import WRONG_HOST
from fetcher.service.problems import NOT_THERE, TITLES, TOO_LARGE, Problem
from processor.api.routes import Api
from schemas.tokens import TokenScope
from tests.support.http_reference import FIELDS, PARAMETERS, ROUTES, openapi, with_reference
from tests.unit.docs.calls import calls
from tests.unit.docs.pages import bare, read_page, table

PAGE = read_page("docs/http-api.md")


def test_routes() -> None:
    """The table of routes has the routes of the processor's API, and no others."""
    nothing: Any = None
    routes = Api(nothing, nothing, secrets=["x"], version="")._routes
    answered = {
        f"{method} /users/{{user}}/{shape}".replace("contacts/*", "contacts/{address}").replace("*", "{id}")
        for method, shape in routes
    }

    assert {bare(route) for route, _ in table(PAGE, "route")} == {
        "GET /health",
        "GET /ready",
        "GET /metrics",
        *answered,
    }


def test_problems() -> None:
    """The table of errors has every status and code that the processor's API can answer with, and no others."""
    found = set()
    for _, function, arguments in calls():
        if function == "problem" and len(arguments) >= 2:
            found.add((str(arguments[0]), arguments[1]))
        elif function == "Refused":
            found.add(("409", arguments[0]))

    assert {(status, bare(code)) for status, code, _ in table(PAGE, "status")} == found


def troubles(kind: type[Trouble] = Trouble) -> Iterator[type[Trouble]]:
    """Yield every kind of trouble that can stop the fetcher."""
    for each in kind.__subclasses__():
        yield from (each, *troubles(each))


def test_the_reference_of_the_service() -> None:
    """The tables of routes, fields and parameters follow from the OpenAPI document: `make reference` writes them."""
    document = openapi()

    assert document["openapi"].startswith("3.1")
    assert with_reference(PAGE, document) == PAGE


@pytest.mark.parametrize("head", [ROUTES, FIELDS, PARAMETERS])
def test_a_table_that_is_out_of_date_is_noticed(head: str) -> None:
    """A row that is not in the OpenAPI document does not survive."""
    stale = PAGE.replace(head + "\n", f"{head}\n| x | x |\n")

    assert stale != PAGE
    assert with_reference(stale, openapi()) == PAGE


def test_answers_of_the_service() -> None:
    """The table of the service's errors has every status and code that it can answer with, and no others."""
    known = {Problem.of(kind("x")) for kind in troubles()} | {NO_TOKEN, NOT_THERE, TOO_LARGE, FOREIGN, WRONG_HOST}
    known |= {no_scope(scope) for scope in TokenScope}
    answered = {(str(problem.status), problem.code) for problem in known}
    passed_on = {("409", arguments[0]) for _, function, arguments in calls() if function == "Refused"}

    assert {(status, bare(code)) for status, code, _ in table(PAGE, "answer")} == answered | passed_on
    assert {code for status, code in answered if status != "409"} <= set(TITLES)
