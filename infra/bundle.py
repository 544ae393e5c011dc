"""The Worker's module table: every module that a checkout puts into the Worker, by name.

Our own modules are those that the entry module imports, directly or indirectly, and the SQL files beside them. This
keeps out the container's adapters and everything that only they use. The services' code is read here, never imported.

This module is not named `packaging`: Pulumi runs its helpers in this folder, and the name would hide that package.
"""

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MAIN_MODULE = "entry_worker.py"
VENDORED = "python_modules"
DATA_SUFFIXES = (".sql", ".txt")
"""Files that modules read from their own folder."""
MAX_BYTES = 2 * 1024 * 1024
"""Our own limit. The platform takes 64 MiB uncompressed, but a Worker must start in 1 s (Workers limits, 2026-11)."""

PYTHON, TEXT = "text/x-python", "text/plain"
DATA, ES_MODULE = "application/octet-stream", "application/javascript+module"
_JAVASCRIPT = (".js", ".mjs")
_RUNTIME = frozenset({"js", "pyodide", "pyodide_js", "_cloudflare_compat_flags"})
"""Top-level modules that the runtime provides, besides the standard library."""


class UnfitBundle(ValueError):
    """The bundle cannot be deployed; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Module:
    """One module of the Worker: its file, the content type for the upload, its SHA-256 in hex, its size in bytes."""

    file: Path
    content_type: str
    sha256: str
    size: int


Bundle = Mapping[str, Module]


def bundle_worker(checkout: Path, vendored: Path) -> Bundle:
    """Return a checkout's module table (name → module, main module first); raise UnfitBundle.

    `vendored` is the folder `python_modules` with the runtime's SDK. The same files always give the same table.
    """
    processor = checkout / "services" / "processor"
    roots = {"entry_worker": processor / MAIN_MODULE, "processor": processor, "schemas": checkout / "schemas"}
    return bundle_modules(MAIN_MODULE, roots, vendored, max_bytes=MAX_BYTES)


def bundle_modules(main: str, roots: Mapping[str, Path], vendored: Path, *, max_bytes: int) -> Bundle:
    """Return the table of what `main` imports from `roots` (top-level name → folder or file), and the vendored files.

    Raise UnfitBundle if it is larger than `max_bytes`, or imports a module that the Worker does not have.
    """
    outside = _RUNTIME | sys.stdlib_module_names | {path.name.partition(".")[0] for path in vendored.iterdir()}
    own = _reach(main, roots, outside)
    files = {main: own.pop(main), **dict(sorted(own.items()))}
    files |= {f"{VENDORED}/{path.relative_to(vendored).as_posix()}": path for path in _vendored_files(vendored)}
    bundle = {name: _describe(name, path) for name, path in files.items()}
    total = sum(module.size for module in bundle.values())
    if total > max_bytes:
        raise UnfitBundle(f"The Worker's modules take {total} bytes, and the limit is {max_bytes}.")
    return bundle


def module_type(module: Module) -> str:
    """Return the name that wrangler and miniflare use for a module's content type."""
    return {PYTHON: "PythonModule", TEXT: "Text", DATA: "Data", ES_MODULE: "ESModule"}[module.content_type]


def _reach(main: str, roots: Mapping[str, Path], outside: frozenset[str]) -> dict[str, Path]:
    """Return the files that a module imports, directly or indirectly, by their names in the bundle."""
    found: dict[str, Path] = {}
    left = [main.removesuffix(".py").replace("/", ".")]
    while left:
        dotted = left.pop()
        place = _locate(dotted, roots)
        if place is None or place[0] in found:
            continue
        name, path = place
        found[name] = path
        if path.name == "__init__.py" or "." in dotted:
            found |= _data_beside(name, path)
        for imported in _imports(path):
            _check(imported, path, roots, outside)
            left += _with_parents(imported)
    return found


def _locate(dotted: str, roots: Mapping[str, Path]) -> tuple[str, Path] | None:
    """Return a module's name in the bundle and its file; None if it is not ours, or is a folder without code."""
    top, *rest = dotted.split(".")
    path = roots.get(top)
    if path is None:
        return None
    if path.is_file():
        return None if rest else (f"{top}.py", path)
    base = path.joinpath(*rest)
    name = "/".join([top, *rest])
    if (base / "__init__.py").is_file():
        return f"{name}/__init__.py", base / "__init__.py"
    file = base.with_name(f"{base.name}.py")
    return (f"{name}.py", file) if rest and file.is_file() else None


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_bytes(), str(path))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise UnfitBundle(
                    f"{path.name} has a relative import in line {node.lineno}: write the full module name."
                )
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _check(imported: str, path: Path, roots: Mapping[str, Path], outside: frozenset[str]) -> None:
    top = imported.partition(".")[0]
    if top not in roots and top not in outside:
        raise UnfitBundle(f"{path.name} imports {top}, which the Worker does not have.")


def _with_parents(dotted: str) -> Iterable[str]:
    pieces = dotted.split(".")
    return (".".join(pieces[: count + 1]) for count in range(len(pieces)))


def _data_beside(name: str, path: Path) -> dict[str, Path]:
    folder = name.rpartition("/")[0]
    return {f"{folder}/{file.name}": file for file in path.parent.iterdir() if file.suffix in DATA_SUFFIXES}


def _vendored_files(vendored: Path) -> list[Path]:
    return sorted(path for path in vendored.rglob("*") if path.is_file() and path.suffix != ".pyc")


def _describe(name: str, path: Path) -> Module:
    data = path.read_bytes()
    return Module(path, _content_type(name), hashlib.sha256(data).hexdigest(), len(data))


def _content_type(name: str) -> str:
    if name.startswith(f"{VENDORED}/"):
        # As in wrangler: only the SDK's own JavaScript is code for the runtime, everything else is data.
        is_code = name.startswith(f"{VENDORED}/workers/") and name.endswith(_JAVASCRIPT)
        return ES_MODULE if is_code else DATA
    return PYTHON if name.endswith(".py") else TEXT
