"""Modules import each other only as `docs/architecture.md` says."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.docs.pages import CHECKOUT, bare, read_page, spans, table

PAGE = read_page("docs/architecture.md")
ROOTS = {"schemas": CHECKOUT, "infra": CHECKOUT, "fetcher": CHECKOUT / "services", "processor": CHECKOUT / "services"}
COMPOSITION_ROOTS = ("fetcher.bootstrap", "processor.entry_container", "processor.entry_worker")
ADAPTERS = re.compile(r"(?:fetcher|processor)\.adapters\.(?:container\.|cloudflare\.)?\w+")
TALKERS = ("psycopg", "psycopg_pool", "redis", "httpx", "boto3", "botocore")


def modules() -> Iterator[tuple[str, Path]]:
    """Yield each of our modules, with its file."""
    for package, root in ROOTS.items():
        for path in sorted((root / package).rglob("*.py")):
            yield ".".join(path.relative_to(root).with_suffix("").parts), path


def imports(path: Path) -> Iterator[str]:
    """Yield the dotted names of the modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


IMPORTS = {name: sorted(set(imports(path))) for name, path in modules()}


def is_within(name: str, package: str) -> bool:
    """Return whether a module is the package, or is inside it."""
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("row", table(PAGE, "module"), ids=lambda row: bare(row[0]))
def test_a_module_imports_what_its_row_allows(row: list[str]) -> None:
    """A module imports only the standard library, itself, and what its row allows."""
    package = bare(row[0])
    allowed = (*re.findall(r"`([\w.]+)`", row[1]), package)
    mine = [name for name in IMPORTS if is_within(name, package)]

    assert mine
    assert [
        (name, wanted)
        for name in mine
        for wanted in IMPORTS[name]
        if wanted.partition(".")[0] not in sys.stdlib_module_names
        and not any(is_within(wanted, each) for each in allowed)
    ] == []


def test_adapters_are_imported_by_composition_roots_alone() -> None:
    """Only composition roots, and adapters of the same platform, import an adapter."""
    platform = {name: name.rpartition(".")[0] for name in IMPORTS if ADAPTERS.fullmatch(name)}
    wrong = [
        (name, wanted)
        for name, all_wanted in IMPORTS.items()
        for wanted in all_wanted
        if ADAPTERS.fullmatch(wanted)
        and name not in COMPOSITION_ROOTS
        and platform.get(name) != wanted.rpartition(".")[0]
    ]

    assert wrong == []
    assert set(COMPOSITION_ROOTS) <= set(spans(PAGE))


def test_only_adapters_talk_to_servers() -> None:
    """Only adapters of the fetcher and the container import clients; only the Worker's entry imports `workers`."""
    found = {
        (wanted.partition(".")[0], name)
        for name, all_wanted in IMPORTS.items()
        for wanted in all_wanted
        if wanted.partition(".")[0] in (*TALKERS, "workers")
    }
    places = ("fetcher.adapters", "processor.adapters.container")

    assert {name for client, name in found if client == "workers"} == {"processor.entry_worker"}
    assert [pair for pair in found if pair[0] != "workers" and not pair[1].startswith(places)] == []
    assert {*TALKERS, "workers"} <= set(spans(PAGE))


def test_services_never_import_each_other() -> None:
    """The fetcher and the processor share only the contract in `schemas`."""
    pairs = {
        (name.partition(".")[0], wanted.partition(".")[0])
        for name, all_wanted in IMPORTS.items()
        for wanted in all_wanted
    }

    assert pairs & {("fetcher", "processor"), ("processor", "fetcher")} == set()
