"""Recording the demo: what a terminal shows in the end, what of it is kept, and how it is drawn."""

import sys

import pytest
from rich.console import Console
from rich.style import Style
from rich.text import Text

from demo.picture import COLUMNS, LEFT_OUT, crop, draw, excerpt, read_screen, record, replace_excerpt
from fetcher.commands.reports import VERDICTS

COUNTED = f"    3 {VERDICTS['contact']}"
RECORDING = f"""\

Starting a server.

Mine the mailbox:
$ leadminer mine imap://demo@127.0.0.1:1143
3 contacts from 5 messages.

What became of every message:
$ leadminer report
Mining 1 is finished.
{COUNTED}
  removed:

The warmest contacts:
$ leadminer contacts --limit 1
Temp   Name

Mine it again:
$ leadminer mine imap://demo@127.0.0.1:1143
Nothing new; 3 contacts.
"""


def recorded() -> list[Text]:
    return read_screen(RECORDING.replace("\n", "\r\n").encode())


def test_a_terminal_is_what_the_command_gets() -> None:
    """A recorded command writes to a terminal of the picture's width, and its exit code is returned."""
    program = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size().columns); sys.exit(3)"

    code, output = record([sys.executable, "-c", program])

    assert code == 3
    assert output == f"True {COLUMNS}\r\n".encode()


def test_what_is_drawn_over_shows_once() -> None:
    """A bar that is redrawn in place is one line, as it was drawn last."""
    lines = read_screen(b"fetching 1/2\r\x1b[2Kfetching 2/2\r\nprocessing 1/2\r\n\x1b[1A\x1b[2Kprocessing 2/2\r\ndone")

    assert [line.plain for line in lines] == ["fetching 2/2", "processing 2/2", "done"]


@pytest.mark.parametrize(
    ("codes", "style"),
    [
        ("1", Style(bold=True)),
        ("32", Style(color="green")),
        ("33", Style(color="yellow")),
        ("93", Style(color="bright_yellow")),
        ("94", Style(color="bright_blue")),
        ("38;5;70", Style(color="#5faf00")),
        ("44", Style(bgcolor="blue")),
    ],
)
def test_colors_are_kept(codes: str, style: Style) -> None:
    """Text keeps its weight and its colors, of the sixteen and of the 256."""
    [line] = read_screen(f"plain \x1b[{codes}mstyled\x1b[0m".encode())

    assert line.get_style_at_offset(Console(), 6) == Style(bold=False) + style


def test_the_picture_leaves_out_what_repeats() -> None:
    """It has the first mining, the report down to its verdicts, and the contacts, and marks what is left out."""
    assert [line.plain for line in crop(recorded())] == [
        "$ make demo",
        "",
        "Starting a server.",
        "",
        "Mine the mailbox:",
        "$ leadminer mine imap://demo@127.0.0.1:1143",
        "3 contacts from 5 messages.",
        "",
        "What became of every message:",
        "$ leadminer report",
        "Mining 1 is finished.",
        COUNTED,
        LEFT_OUT,
        "",
        "The warmest contacts:",
        "$ leadminer contacts --limit 1",
        "Temp   Name",
        LEFT_OUT,
    ]


def test_the_excerpt_is_the_result_and_the_report() -> None:
    """It is what the first mining ends with, and the command `report` with what it says down to the verdicts."""
    assert excerpt(recorded()) == [
        "3 contacts from 5 messages.",
        "",
        "$ leadminer report",
        "Mining 1 is finished.",
        COUNTED,
    ]


def test_a_demo_without_contacts_is_no_picture() -> None:
    """A recording that ended early is refused, and says which command is missing."""
    early = [line for line in recorded() if "leadminer contacts" not in line.plain]

    with pytest.raises(ValueError, match="leadminer contacts"):
        crop(early)


def test_the_excerpt_replaces_the_one_before() -> None:
    """The rest of the page stays as it is, and a page without exactly one block of text is refused."""
    page = "before\n\n```text\nold\n```\n\nafter \\1\n"

    assert replace_excerpt(page, ["new", "  \\1"]) == "before\n\n```text\nnew\n  \\1\n```\n\nafter \\1\n"
    with pytest.raises(ValueError, match="2 blocks"):
        replace_excerpt(page + page, ["new"])


def test_what_is_drawn_cannot_become_markup() -> None:
    """Names from mail are text in the SVG, whatever they hold."""
    svg = draw([Text("<script>&")])

    assert "&lt;script&gt;&amp;" in svg
    assert "<script>" not in svg
