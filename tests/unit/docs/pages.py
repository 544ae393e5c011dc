"""The project's documents, as tests read them: tables, code, links."""

import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
PAGES = tuple(
    sorted(
        path
        for pattern in ("*.md", "docs/**/*.md", "services/**/*.md", "infra/**/*.md", "schemas/**/*.md")
        for path in CHECKOUT.glob(pattern)
    )
)
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[[^\]\n]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def read_page(name: str) -> str:
    """Return a document's text; `name` is its path in the checkout."""
    return (CHECKOUT / name).read_text("utf-8")


def name_of(page: Path) -> str:
    """Return a document's path in the checkout."""
    return page.relative_to(CHECKOUT).as_posix()


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    lines = re.findall(r"^([a-z][a-z -]*):", (CHECKOUT / "Makefile").read_text("utf-8"), re.MULTILINE)
    return {target for line in lines for target in line.split()}


def table(page: str, first_cell: str) -> list[list[str]]:
    """Return the rows below the head of the one table of a text whose head begins with this cell."""
    lines = page.splitlines()
    heads = [at for at, line in enumerate(lines) if cells(line)[:1] == [first_cell]]
    assert len(heads) == 1, f"{len(heads)} tables begin with {first_cell!r}"
    rows = []
    for line in lines[heads[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return rows


def cells(line: str) -> list[str]:
    """Return the cells of a table's line; none where it is no such line."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def bare(cell: str) -> str:
    """Return a cell without the marks of code."""
    return cell.strip("`")


def code_blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language."""
    return [match[3] for match in _FENCE.finditer(page) if match[2] == language]


def spans(page: str) -> Iterator[str]:
    """Yield what stands between backticks in the running text and the tables."""
    yield from (match[1] for match in _SPAN.finditer(_FENCE.sub("", page)))


def links(page: str) -> Iterator[str]:
    """Yield the targets of links."""
    yield from (match[1] for match in _LINK.finditer(_FENCE.sub("", page)))


def anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as they are made for them on the web."""
    headings = _HEADING.findall(_FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
