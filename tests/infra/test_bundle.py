"""The Worker's module table has what it needs, nothing else, and is the same each time."""

import hashlib
from pathlib import Path

import pytest

from infra.bundle import MAIN_MODULE, MAX_BYTES, VENDORED, UnfitBundle, bundle_modules, bundle_worker, module_type
from infra.vendored import vendor

CHECKOUT = Path(__file__).parents[2]


def write(root: Path, **texts: str) -> None:
    for name, text in texts.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path if path.suffix else path.with_suffix(".py")).write_text(text)


@pytest.fixture
def vendored(tmp_path: Path) -> Path:
    """Return a folder of vendored packages."""
    folder = tmp_path / VENDORED
    (folder / "workers").mkdir(parents=True)
    (folder / "workers" / "__init__.py").write_text("")
    (folder / "workers" / "workflows.js").write_text("")
    (folder / "other.js").write_text("")
    return folder


def table(tmp_path: Path, vendored: Path, *, max_bytes: int = 10_000) -> dict[str, str]:
    roots = {"main": tmp_path / "main.py", "own": tmp_path / "own"}
    bundle = bundle_modules("main.py", roots, vendored, max_bytes=max_bytes)
    return {name: module_type(module) for name, module in bundle.items() if not name.startswith(VENDORED)}


def test_what_is_imported_is_in_it_and_nothing_else(tmp_path: Path, vendored: Path) -> None:
    """Imports are followed through packages, and a module that nothing imports is left out."""
    write(tmp_path, main="import json\nfrom own import used", own__used="import own.deep.thing", own__unused="")
    write(tmp_path, own__deep__thing="from workers import Response", own__deep__other="")
    (tmp_path / "own" / "deep" / "__init__.py").touch()

    names = list(table(tmp_path, vendored))

    assert names == ["main.py", "own/deep/__init__.py", "own/deep/thing.py", "own/used.py"]


def test_sql_beside_a_module_goes_with_it(tmp_path: Path, vendored: Path) -> None:
    """SQL files beside an imported module are in the bundle as text modules."""
    write(tmp_path, main="import own.a.used", own__a__used="", own__b__unused="")
    write(tmp_path / "own" / "a", **{"statements.sql": "SELECT 1"})
    write(tmp_path / "own" / "b", **{"statements.sql": "SELECT 2"})

    types = table(tmp_path, vendored)

    assert types == {"main.py": "PythonModule", "own/a/statements.sql": "Text", "own/a/used.py": "PythonModule"}


def test_vendored_files_have_the_types_that_wrangler_gives_them(tmp_path: Path, vendored: Path) -> None:
    """Among the vendored files, only the SDK's JavaScript is code; the rest is data."""
    write(tmp_path, main="")

    bundle = bundle_modules("main.py", {"main": tmp_path / "main.py"}, vendored, max_bytes=100)

    assert {name: module_type(module) for name, module in bundle.items()} == {
        "main.py": "PythonModule",
        "python_modules/other.js": "Data",
        "python_modules/workers/__init__.py": "Data",
        "python_modules/workers/workflows.js": "ESModule",
    }


@pytest.mark.parametrize("text", ["import psycopg", "from psycopg import sql", "from . import own"])
def test_what_the_worker_does_not_have_is_refused(tmp_path: Path, vendored: Path, text: str) -> None:
    """An import that would fail in the Worker fails the build."""
    write(tmp_path, main=text)

    with pytest.raises(UnfitBundle):
        table(tmp_path, vendored)


def test_too_large_a_bundle_is_refused(tmp_path: Path, vendored: Path) -> None:
    """A bundle whose uncompressed modules exceed the limit is refused."""
    write(tmp_path, main="#" * 100)

    assert table(tmp_path, vendored, max_bytes=100)
    with pytest.raises(UnfitBundle, match="100 bytes, and the limit is 99"):
        table(tmp_path, vendored, max_bytes=99)


def test_a_table_says_what_its_files_are(tmp_path: Path, vendored: Path) -> None:
    """A module's hash and size are those of the file's bytes."""
    write(tmp_path, main="'é'")

    module = bundle_modules("main.py", {"main": tmp_path / "main.py"}, vendored, max_bytes=100)["main.py"]

    data = (tmp_path / "main.py").read_bytes()
    assert (module.sha256, module.size) == (hashlib.sha256(data).hexdigest(), len(data))


@pytest.fixture(scope="module")
def sdk() -> Path:
    """Return the folder with the Worker's PyPI packages."""
    return vendor(CHECKOUT / "requirements" / "worker.lock")


def test_the_sdk_is_vendored_without_traces_of_the_machine(sdk: Path) -> None:
    """The vendored folder has none of the installer's own files."""
    names = {path.name for path in sdk.rglob("*")}

    assert "workflows.js" in names
    assert not names & {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", ".lock", "__pycache__"}


def test_the_worker_has_nothing_of_the_container(sdk: Path) -> None:
    """The bundle has the shared code, but neither the container's adapters nor what only they use."""
    names = set(bundle_worker(CHECKOUT, sdk))

    assert {
        "processor/jobs/pipeline.py",
        "processor/api/routes.py",
        "processor/domain/mail/message.py",
        "schemas/jobs.py",
    } <= names
    only_container = {"jobs/consumer", "api/http", "settings", "entry_container", "__main__"}
    assert not names & {f"processor/{name}.py" for name in only_container}
    assert not [name for name in names if "container" in name or "postgres" in name]


def test_the_worker_has_nothing_of_the_tests(sdk: Path) -> None:
    """The bundle has only the service, the contract and the SDK, and no route for tests."""
    bundle = bundle_worker(CHECKOUT, sdk)
    own = [module.file.read_text() for name, module in bundle.items() if not name.startswith(VENDORED)]

    assert {name.partition("/")[0] for name in bundle} == {MAIN_MODULE, "processor", "schemas", VENDORED}
    assert not [text for text in own if any(word in text for word in ("/test/", "from tests", "metered"))]


def test_the_worker_is_small_and_always_the_same(sdk: Path) -> None:
    """The same files give the same table, with the main module first, within the size limit."""
    first, second = bundle_worker(CHECKOUT, sdk), bundle_worker(CHECKOUT, sdk)

    assert list(first.items()) == list(second.items())
    assert next(iter(first)) == MAIN_MODULE
    assert sum(module.size for module in first.values()) <= MAX_BYTES
