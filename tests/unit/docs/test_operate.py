"""What `docs/operate.md` lists is what the code does."""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fetcher.exits import Exit
from fetcher.ports import Trouble
from fetcher.service.answers import Problem
from fetcher.service.app import NO_TOKEN, NOT_THERE, Service
from fetcher.service.orders import Order
from processor.api.routes import Api
from processor.entry_container import EXIT_SETTINGS, EXIT_UNAVAILABLE
from schemas.ledger import Dead, Failed, Skipped, Verdict
from tests.unit.docs.pages import CHECKOUT, bare, read_page, table

PAGE = read_page("docs/operate.md")
PROCESSOR = CHECKOUT / "services" / "processor"
FETCHER = CHECKOUT / "services" / "fetcher"
LOGGERS = ("debug", "info", "warning", "error", "critical", "exception")


def calls(service: Path = PROCESSOR) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield each call in a service's code: the file's place in it, what is called, and its constant arguments."""
    for path in service.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                arguments = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                yield path.relative_to(service).as_posix(), ast.unparse(node.func), arguments


def test_exit_codes() -> None:
    """The table of exit codes is the one that `leadminer --help` shows."""
    assert [(int(code), meaning) for code, meaning in table(PAGE, "code")] == [(int(e), e.meaning) for e in Exit]


def test_exit_codes_of_the_processor() -> None:
    """The processor's own codes stand in their sentence."""
    assert f"{EXIT_SETTINGS} for wrong settings, {EXIT_UNAVAILABLE} where a database cannot be opened" in PAGE


def test_routes() -> None:
    """The table of routes is what the API answers."""
    nothing: Any = None
    routes = Api(nothing, nothing, service_token="x", version="")._routes
    answered = {f"{method} /users/{{user}}/{shape}".replace("*", "{id}") for method, shape in routes}

    assert {bare(route) for route, _ in table(PAGE, "route")} == {"GET /health", *answered}


def test_problems() -> None:
    """The table of problems has each status and word that the API can answer with."""
    found = set()
    for _, function, arguments in calls():
        if function == "problem" and len(arguments) >= 2:
            found.add((str(arguments[0]), arguments[1]))
        elif function == "Refused":
            found.add(("409", arguments[0]))

    assert {(status, bare(code)) for status, code, _ in table(PAGE, "status")} == found


def troubles(kind: type[Trouble] = Trouble) -> Iterator[type[Trouble]]:
    """Yield all kinds of what can stop the fetcher."""
    for each in kind.__subclasses__():
        yield from (each, *troubles(each))


def test_routes_of_the_service() -> None:
    """The table of the fetcher's routes is what its service answers."""
    nothing: Any = SimpleNamespace(processor=None)
    routes = Service(nothing, nothing, token="").routes()
    answered = {f"{method} /users/{{user}}/{path}" for method, path in routes}

    assert {bare(route) for route, _ in table(PAGE, "service route")} == {"GET /health", *answered}


def test_fields_of_a_start() -> None:
    """The table of fields is what the service reads."""
    assert [bare(field) for field, _ in table(PAGE, "field")] == list(Order.model_fields)


def test_answers_of_the_service() -> None:
    """The table of answers has each status and word that the service can answer with."""
    known = {Problem.of(kind("x")) for kind in troubles()} | {NO_TOKEN, NOT_THERE}
    answered = {(str(problem.status), problem.code) for problem in known}
    passed_on = {("409", arguments[0]) for _, function, arguments in calls() if function == "Refused"}

    assert {(status, bare(code)) for status, code, _ in table(PAGE, "answer")} == answered | passed_on


def test_log_events() -> None:
    """Each event that a processor or the service logs has its row, and says where it comes from."""
    logged: dict[str, set[str]] = {}
    for file, function, arguments in calls():
        if function in {f"log.{level}" for level in LOGGERS}:
            logged.setdefault(arguments[0], set()).add("container")
        elif function == "log_event":
            logged.setdefault(arguments[0], set()).add("Worker")
            assert file.startswith(("adapters/cloudflare/", "entry_worker"))
    for file, function, arguments in calls(FETCHER):
        if (
            function in {f"log.{level}" for level in LOGGERS} and file != "embedded/keeper.py"
        ):  # it tells keeper.log, in prose
            logged.setdefault(arguments[0], set()).add("service")

    assert {bare(event): set(where.split(", ")) for event, where, _ in table(PAGE, "event")} == logged


def test_reasons_of_the_ledger() -> None:
    """Each reason of a column has its row."""
    reasons: dict[str, set[Any]] = {"skipped": set(Skipped), "failed": set(Failed), "dead": set(Dead)}
    known = {(column, str(reason)) for column, words in reasons.items() for reason in words}

    assert {(column, bare(reason)) for column, reason, _ in table(PAGE, "column")} == known


@pytest.mark.parametrize("verdict", Verdict)
def test_verdicts(verdict: Verdict) -> None:
    """Each verdict on an address is named where the report is explained."""
    assert f"`{verdict}`" in PAGE.partition("## The report")[2].partition("## Logs")[0]
