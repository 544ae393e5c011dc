"""The Worker's modules hold no mutable state, because its isolate interleaves different users' invocations."""

import ast
import copy
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from infra.bundle import MAIN_MODULE, VENDORED, Bundle, bundle_worker
from tests.support.d1_stack import open_d1_stack
from tests.support.stack import Folder, mail

CHECKOUT = Path(__file__).parents[2]
MUTABLE = (list, dict, set, bytearray)
MAILBOX = Folder(
    [[mail(n, sender=f"Jané <p{n % 3}+x@firm{n}.com>", to="me@example.org, bob@acme.com") for n in range(9)]]
)


@pytest.fixture(scope="module")
def bundle(sdk: Path) -> Bundle:
    """Return our own modules in the deployed bundle."""
    whole = bundle_worker(CHECKOUT, sdk)
    return {name: module for name, module in whole.items() if name.endswith(".py") and not name.startswith(VENDORED)}


def held(modules: list[ModuleType]) -> dict[str, Any]:
    """Return every mutable object that modules hold, by name."""
    return {
        f"{module.__name__}.{name}": value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, MUTABLE) and not name.startswith("__")
    }


def test_no_function_rebinds_a_modules_name(bundle: Bundle) -> None:
    """The deployed modules contain no `global` statement."""
    rebinding = [
        name
        for name, module in bundle.items()
        if any(isinstance(node, ast.Global) for node in ast.walk(ast.parse(module.file.read_bytes())))
    ]

    assert rebinding == []


async def test_a_mining_changes_nothing_that_a_module_holds(bundle: Bundle, database: str, tmp_path: Path) -> None:
    """A mining, a sweep and an erasure leave every module's mutable objects unchanged."""
    dotted = [name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in bundle]
    modules = [importlib.import_module(name) for name in dotted if name != MAIN_MODULE.removesuffix(".py")]
    before = copy.deepcopy(held(modules))
    root = tmp_path / "raw"
    root.mkdir()

    async with open_d1_stack(database, root) as stack:
        begun = await stack.mine(MAILBOX)
        await stack.sweeper.sweep()
        report = await stack.report(begun)
        await stack.ask("POST", "/users/jo/erase", {})

    assert report["ledger"]["processed"] == 9
    assert "processor.domain.mail.dates._ZONE_HOURS" in before
    assert held(modules) == before
