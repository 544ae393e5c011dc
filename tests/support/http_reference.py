"""The tables of `docs/http-api.md` that follow from the service's OpenAPI document.

Run `make reference` after a change to a route or to its types, and review the difference.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from fetcher.service.app import make_app
from fetcher.service.doors import Doors
from tests.unit.docs.pages import CHECKOUT

PAGE = CHECKOUT / "docs" / "http-api.md"
ROUTES = "| service route | what it does |"
FIELDS = "| field | meaning |"
PARAMETERS = "| parameter | of | meaning |"
START = "/users/{user}/minings"
Document = dict[str, Any]


def openapi() -> Document:
    """Return the service's OpenAPI document, as it is served."""
    nothing: Any = None
    document: Document = json.loads(json.dumps(make_app(nothing, Doors(token="")).openapi()))
    return document


def with_reference(page: str, document: Document) -> str:
    """Return the page with its generated tables replaced by those of the document."""
    for head, rows in ((ROUTES, routes(document)), (FIELDS, fields(document)), (PARAMETERS, parameters(document))):
        page = _with_table(page, head, rows)
    return page


def routes(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield each route, and what it does."""
    for method, path, operation in _operations(document):
        yield f"`{method} {path}`", operation["description"]


def fields(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield each field of a request that starts a mining, and its meaning."""
    body = document["paths"][START]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    for name, schema in document["components"]["schemas"][body.rpartition("/")[2]]["properties"].items():
        yield f"`{name}`", schema["description"]


def parameters(document: Document) -> Iterator[tuple[str, ...]]:
    """Yield each parameter of a query, the ends of the paths that have it, and its meaning."""
    known: dict[tuple[str, str], list[str]] = {}
    for _, path, operation in _operations(document):
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query":
                key = (parameter["name"], parameter["description"])
                known.setdefault(key, []).append(f"`{path.rpartition('/')[2]}`")
    for (name, description), paths in known.items():
        yield f"`{name}`", ", ".join(paths), description


def _operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _with_table(page: str, head: str, rows: Iterable[tuple[str, ...]]) -> str:
    before, found, after = page.partition(f"{head}\n")
    if not found:
        raise LookupError(head)
    rest = after.splitlines(keepends=True)
    while rest and rest[0].startswith("|"):
        rest.pop(0)
    rule = "| " + " | ".join("---" for _ in range(head.count("|") - 1)) + " |\n"
    table = "".join(
        f"| {' | '.join(' '.join(cell.split()).replace('|', chr(92) + '|') for cell in row)} |\n" for row in rows
    )
    return before + found + rule + table + "".join(rest)


def main() -> None:
    """Write the tables."""
    PAGE.write_text(with_reference(PAGE.read_text("utf-8"), openapi()), "utf-8")


if __name__ == "__main__":
    main()
