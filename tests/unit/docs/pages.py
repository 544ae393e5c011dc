"""Read the project's documents: tables, code, links."""

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
    """Return the text of a document; `name` is its path in the checkout."""
    return (CHECKOUT / name).read_text("utf-8")


def name_of(page: Path) -> str:
    """Return the path of a document in the checkout."""
    return page.relative_to(CHECKOUT).as_posix()


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    lines = re.findall(r"^([a-z][a-z -]*):", (CHECKOUT / "Makefile").read_text("utf-8"), re.MULTILINE)
    return {target for line in lines for target in line.split()}


def table(page: str, first_cell: str) -> list[list[str]]:
    """Return the rows of the table whose first header cell is this one; the text must have exactly one."""
    lines = page.splitlines()
    heads = [at for at, line in enumerate(lines) if cells(line)[:1] == [first_cell]]
    assert len(heads) == 1, f"{len(heads)} tables start with {first_cell!r}; expected 1"
    rows = []
    for line in lines[heads[0] + 2 :]:
        if not line.startswith("|"):
            break
        rows.append(cells(line))
    return rows


def cells(line: str) -> list[str]:
    """Return the cells of a table row; none if the line is not a table row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")] if line.startswith("|") else []


def bare(cell: str) -> str:
    """Return a cell without its backticks."""
    return cell.strip("`")


def code_blocks(page: str, language: str) -> list[str]:
    """Return the contents of the fenced blocks in a language."""
    return [match[3] for match in _FENCE.finditer(page) if match[2] == language]


def spans(page: str) -> Iterator[str]:
    """Yield the inline code in paragraphs and tables, without the backticks."""
    yield from (match[1] for match in _SPAN.finditer(_FENCE.sub("", page)))


def links(page: str) -> Iterator[str]:
    """Yield the targets of the links."""
    yield from (match[1] for match in _LINK.finditer(_FENCE.sub("", page)))


def anchors(page: str) -> set[str]:
    """Return the anchors of the headings, as GitHub makes them."""
    headings = _HEADING.findall(_FENCE.sub("", page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
