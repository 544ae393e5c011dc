"""The services' code, as tests of documents read it: what it calls, with which constants."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.unit.docs.pages import CHECKOUT

PROCESSOR = CHECKOUT / "services" / "processor"
FETCHER = CHECKOUT / "services" / "fetcher"


def calls(service: Path = PROCESSOR) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield each call in a service's code: its file within the service, what is called, and the constant arguments."""
    for path in service.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                arguments = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
                yield path.relative_to(service).as_posix(), ast.unparse(node.func), arguments
