"""Pins: images by digest in `infra/docker/images.py`, actions by commit in the workflows."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from infra.commands import CHECKOUT, capture
from infra.pipeline.failure import StepFailed
from infra.pipeline.registries import resolve_action, resolve_image

IMAGES = "infra/docker/images.py"
WORKFLOWS = ".github/workflows"
SOURCES = "docs/develop.md"
"""The page with a table of the sources of the actions' commits."""
_IMAGE = re.compile(
    r'(?P<source>(?:^ +#.*\n)?)^ {4}"(?P<name>image\w+)": Image\(\s*"(?P<tag>[^"]+)"'
    r'(?:,\s*"(?P<pin>sha256:[0-9a-f]{64})")?,?\s*\),\n',
    re.MULTILINE,
)
_ACTION = re.compile(r"uses: (?P<name>[\w.-]+/[\w./-]+)@(?P<ref>\S+)(?: # (?P<version>\S+))?$", re.MULTILINE)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Pin:
    """One image or action: its name here, its tag or version, and its digest or commit, empty if it is not pinned."""

    name: str
    version: str
    pin: str

    @property
    def is_action(self) -> bool:
        """Whether this is an action; otherwise it is an image, named by the setting that replaces it."""
        return "/" in self.name


def read_pins(checkout: Path = CHECKOUT) -> list[Pin]:
    """Return all images and actions of a checkout, each once; raise StepFailed if an action has two versions."""
    images = [
        Pin(found["name"], found["tag"], found["pin"] or "")
        for found in _IMAGE.finditer((checkout / IMAGES).read_text("utf-8"))
    ]
    actions = {_action(found) for text in _workflows(checkout).values() for found in _ACTION.finditer(text)}
    names = [action.name for action in actions]
    if double := sorted({name for name in names if names.count(name) > 1}):
        raise StepFailed(f"Several versions in {WORKFLOWS}: {', '.join(double)}. Use the same one everywhere.")
    return [*images, *sorted(actions, key=lambda action: action.name)]


def check_pins(checkout: Path = CHECKOUT) -> None:
    """Raise StepFailed if an image or action is named only by a tag, which may point elsewhere tomorrow."""
    loose = [f"{each.name} ({each.version})" for each in read_pins(checkout) if not each.pin]
    if loose:
        raise StepFailed(
            f"Not pinned: {', '.join(loose)}. Run `make pin` on a machine with network access and commit the result."
        )


def pin(wanted: Sequence[str], checkout: Path = CHECKOUT) -> Iterator[str]:
    """Pin what is `wanted`, or everything that is not pinned yet, and yield one line per pin.

    `wanted` has images by setting (`=name:tag` changes the tag) and actions (`@version` changes the version).
    """
    found = {each.name: each for each in read_pins(checkout)}
    chosen = [_choose(found, each) for each in wanted] or [each for each in found.values() if not each.pin]
    for each in chosen:
        if each.is_action:
            new = replace(each, pin=resolve_action(each.name, each.version))
            _write_action(checkout, new)
        else:
            new = replace(each, pin=resolve_image(each.version))
            _write_image(checkout, new)
        yield f"Pinned {new.name} {new.version} to {new.pin}"
    if not chosen:
        yield (
            "Everything is pinned. To update one: make pin ARGS=imagePython, or make pin ARGS=actions/checkout@v7.0.1"
        )


def _choose(found: dict[str, Pin], wanted: str) -> Pin:
    name, _, version = wanted.partition("@" if "/" in wanted.partition("=")[0] else "=")
    if name not in found:
        raise StepFailed(f"There is no {name} to pin. Choose from {', '.join(found)}.")
    return replace(found[name], version=version or found[name].version)


def _action(found: re.Match[str]) -> Pin:
    if _COMMIT.fullmatch(found["ref"]):
        return Pin(found["name"], found["version"] or "", found["ref"])
    return Pin(found["name"], found["ref"], "")


def _workflows(checkout: Path) -> dict[Path, str]:
    return {path: path.read_text("utf-8") for path in sorted((checkout / WORKFLOWS).glob("*.yml"))}


def _write_image(checkout: Path, new: Pin) -> None:
    entry = f'    # its registry, {_today()}\n    "{new.name}": Image("{new.version}", "{new.pin}"),\n'
    file = checkout / IMAGES
    text = file.read_text("utf-8")
    file.write_text(_IMAGE.sub(lambda found: entry if found["name"] == new.name else found[0], text), "utf-8")
    capture([str(Path(sys.executable).with_name("ruff")), "format", "--quiet", str(file)])


def _write_action(checkout: Path, new: Pin) -> None:
    line = f"uses: {new.name}@{new.pin} # {new.version}"
    for path, text in _workflows(checkout).items():
        path.write_text(_ACTION.sub(lambda found: line if found["name"] == new.name else found[0], text), "utf-8")
    page = checkout / SOURCES
    row = f"| `{new.name}` | {new.version} | its own repository, {_today()} |"
    page.write_text(
        re.sub(rf"^\| `{re.escape(new.name)}` \| v.*\|$", row, page.read_text("utf-8"), flags=re.M), "utf-8"
    )


def _today() -> str:
    return f"asked by `make pin` on {datetime.now(UTC).date().isoformat()}"
