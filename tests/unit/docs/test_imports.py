"""Imports are what `docs/architecture.md` says."""

import ast
import re
import sys
import tomllib
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
    """Yield each module of ours with its file."""
    for package, root in ROOTS.items():
        for path in sorted((root / package).rglob("*.py")):
            yield ".".join(path.relative_to(root).with_suffix("").parts), path


def imports(path: Path) -> Iterator[str]:
    """Yield what a file imports, as dotted names of modules."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


IMPORTS = {name: sorted(set(imports(path))) for name, path in modules()}


def is_within(name: str, package: str) -> bool:
    """Return whether a module is a package, or is inside it."""
    return name == package or name.startswith(f"{package}.")


def declared_rooms(package: str) -> list[list[str]]:
    """Return the rooms of a service from top to bottom, as `pyproject.toml` declares them."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    [layers] = [each["layers"] for each in contracts if each.get("containers") == [package]]
    return [re.findall(r"\w+", layer) for layer in layers]


@pytest.mark.parametrize("package", ["fetcher", "processor"])
def test_rooms_are_those_that_are_checked(package: str) -> None:
    """The tables of rooms have the layers of `pyproject.toml`, from top to bottom."""
    rows = table(PAGE, f"rooms of the {package}")

    assert [re.findall(r"`(\w+)`", rooms) for rooms, _ in rows] == declared_rooms(package)


@pytest.mark.parametrize("row", table(PAGE, "module"), ids=lambda row: bare(row[0]))
def test_a_module_imports_what_its_row_allows(row: list[str]) -> None:
    """Besides the standard library and itself, a module imports only what its row lists."""
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
    """Only a composition root, or an adapter of the same platform, imports an adapter."""
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
    """Only adapters of the fetcher and the container import clients of servers; only the Worker's entry, `workers`."""
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
    """The fetcher and the processor share only the contract."""
    pairs = {
        (name.partition(".")[0], wanted.partition(".")[0])
        for name, all_wanted in IMPORTS.items()
        for wanted in all_wanted
    }

    assert pairs & {("fetcher", "processor"), ("processor", "fetcher")} == set()
