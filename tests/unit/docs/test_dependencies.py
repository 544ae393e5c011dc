"""`docs/develop.md` lists every dependency with its reason, and nothing else."""

import json
import re
import tomllib
from collections.abc import Iterator

from tests.unit.docs.pages import CHECKOUT, bare, read_page, table

_NAME = re.compile(r"[a-z0-9-]+")


def declared() -> Iterator[str]:
    """Yield the names of the packages that the project asks for: from PyPI, for the Worker and the fuzzer, from npm."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    for wanted in (project["dependencies"], *project["optional-dependencies"].values()):
        yield from (_NAME.match(each)[0] for each in wanted if not each.startswith("leadminer["))  # type: ignore[index]
    for lock in ("worker.lock", "fuzz.lock"):
        locked = (CHECKOUT / "requirements" / lock).read_text("utf-8")
        yield from re.findall(r"^([a-z0-9-]+)==", locked, re.MULTILINE)
    for folder in ("tests/support/cloudflare", "tests/support/browser", "bench/postal_mime"):
        package = json.loads((CHECKOUT / folder / "package.json").read_text("utf-8"))
        yield from package["dependencies"]


def test_each_dependency_has_one_reason() -> None:
    """The table lists every package once, with a reason."""
    rows = table(read_page("docs/develop.md"), "package")
    names = [bare(name) for name, _ in rows]

    assert sorted(names) == sorted(set(declared()))
    assert all(reason for _, reason in rows)
