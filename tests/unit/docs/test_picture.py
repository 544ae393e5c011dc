"""The picture in README was drawn from what the demo prints today. If a test here fails, run `make pictures`."""

import inspect
import re
from collections import defaultdict
from xml.etree import ElementTree

import demo.run
from demo.picture import COLUMNS, PICTURE, PROMPT
from fetcher.commands.contacts import COLUMNS as CONTACT_COLUMNS
from fetcher.commands.mine import NEXT
from fetcher.commands.progress import LABELS
from fetcher.commands.stages import counts
from fetcher.mining.outcome import Progress
from tests.unit.docs.pages import CHECKOUT, code_blocks, links, read_page

NAMESPACE = "http://www.w3.org/2000/svg"
SVG = PICTURE.read_text("utf-8")
CHARACTER_WIDTH = 12.2
"""Of rich's SVG, in its own units."""


def read_lines() -> list[str]:
    """Return the lines of the terminal in the picture."""
    lines: dict[float, str] = defaultdict(str)
    for text in ElementTree.fromstring(SVG).iter(f"{{{NAMESPACE}}}text"):
        if text.get("class") != "demo-title":
            column = round(float(text.get("x", "")) / CHARACTER_WIDTH)
            row = float(text.get("y", ""))
            lines[row] = lines[row].ljust(column) + (text.text or "").replace("\N{NO-BREAK SPACE}", " ")
    return [lines[row].rstrip() for row in sorted(lines)]


LINES = read_lines()


def test_readme_shows_it() -> None:
    """README has the picture."""
    assert PICTURE.relative_to(CHECKOUT).as_posix() in set(links(read_page("README.md")))


def test_readme_shows_a_contacts_page() -> None:
    """README has the picture that the walk through the pages takes."""
    picture = "docs/pictures/contact.png"

    assert picture in set(links(read_page("README.md")))
    assert (CHECKOUT / picture).read_bytes().startswith(b"\x89PNG")


def test_it_shows_the_report_that_readme_quotes() -> None:
    """Each line of README's excerpt is in the picture, in the same order: both come from one recording."""
    [excerpt] = code_blocks(read_page("README.md"), "text")
    result, _, *report = excerpt.splitlines()

    start = LINES.index(report[0])

    assert result in LINES[:start]
    assert LINES[start : start + len(report)] == report


def test_it_shows_the_result_that_get_started_quotes() -> None:
    """The result of the first mining is the one in `docs/get-started.md`, right below the progress."""
    last = max(at for at, line in enumerate(LINES) if line.startswith("✓"))

    assert f"\n{LINES[last + 1]}\n" in read_page("docs/get-started.md")
    assert LINES[last + 2] == NEXT.format(user="")


def test_it_shows_the_table_of_contacts() -> None:
    """The head of the table is that of `leadminer contacts`, and each contact takes one line."""
    command = next(at for at, line in enumerate(LINES) if line.startswith(f"{PROMPT}contacts"))
    head, rule, *contacts, footer = LINES[command + 1 : -1]

    assert head.split() == [column.head for column in CONTACT_COLUMNS]
    assert rule == "─" * COLUMNS
    assert len(contacts) == 10
    assert footer == "10 of 394; --limit 0 shows all"
    assert all(re.match(r" +\d+  .+@.+  \d{4}-\d{2}-\d{2}  ", contact) for contact in contacts)


def test_it_shows_the_stages_when_they_are_done() -> None:
    """Each progress bar is there once, in its final state."""
    stages = [line.split()[1] for line in LINES if line.startswith("✓")]

    assert stages == [LABELS[stage] for stage in counts(Progress(""))]
    assert sum("━" in line for line in LINES) == len(stages)


def test_its_headings_are_the_demos() -> None:
    """The line above each command is one that `demo/run.py` prints."""
    spoken = inspect.getsource(demo.run)
    starts = [at for at, line in enumerate(LINES) if line.startswith(PROMPT)]
    headings = [LINES[at - 1] for at in starts]

    assert len(headings) == 3
    assert [heading for heading in headings if heading not in spoken] == []


def test_it_loads_nothing() -> None:
    """No font, style or image comes from elsewhere, and no script is in it."""
    assert SVG.replace(f'xmlns="{NAMESPACE}"', "").count("http") == 0
    assert not re.search(r"@import|@font-face|href|src=|<script|<image|<foreignObject|url\((?!#)", SVG)
