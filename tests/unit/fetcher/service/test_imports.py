"""The web framework is slow to import, so that only `serve` does it."""

import subprocess
import sys

IMPORTED = "import sys, {module}; print(*sorted({{name.partition('.')[0] for name in sys.modules}}))"


def imported_by(module: str) -> set[str]:
    """Return the packages that a Python has loaded after it imported a module."""
    code = IMPORTED.format(module=module)
    return set(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split())


def test_only_serve_imports_the_web_framework() -> None:
    """The command line, `serve` included, starts without it; the service's own modules need it."""
    assert {"fastapi", "starlette", "uvicorn"}.isdisjoint(
        imported_by("fetcher.commands.cli, fetcher.commands.services")
    )
    assert "fastapi" in imported_by("fetcher.service.app")
