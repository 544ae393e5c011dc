"""The picture of the demo in README: `make demo`, recorded on a terminal and drawn as an SVG.

`python -m demo.picture` writes `docs/pictures/demo.svg`, and README's excerpt from the same recording.
"""

import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pyte
from pyte.screens import Char
from rich.console import Console
from rich.style import Style
from rich.text import Text

from fetcher.commands.reports import VERDICTS

CHECKOUT = Path(__file__).resolve().parents[1]
PICTURE = CHECKOUT / "docs" / "pictures" / "demo.svg"
README = CHECKOUT / "README.md"
COMMAND = "make demo"
PROMPT = "$ leadminer "
COLUMNS = 110
"""The narrowest terminal on which the demo's contacts take one line each."""
ROWS = 1_000
"""More lines than the demo prints, so that none scrolls away."""
LEFT_OUT = "⋮"
YELLOW = {"brown": "yellow", "brightbrown": "bright_yellow"}
"""pyte's names for two of the sixteen colors, as rich spells them."""
EXCERPT = re.compile(r"^```text\n.*?^```$", re.MULTILINE | re.DOTALL)
SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">
<title>What make demo prints</title>
<style>
.{unique_id}-matrix {{
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  font-size: {char_height}px;
  line-height: {line_height}px;
}}
.{unique_id}-title {{ font-family: system-ui, "DejaVu Sans", sans-serif; font-size: 18px; font-weight: bold; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""rich's own template loads its font from the network; this one uses what the reader's system has."""


def main() -> int:
    """Record the demo and write the picture and the excerpt; return the demo's exit code if it fails."""
    code, output = record(COMMAND.split())
    if code:
        sys.stdout.buffer.write(output)
        return code
    lines = read_screen(output)
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(crop(lines)), "utf-8")
    README.write_text(replace_excerpt(README.read_text("utf-8"), excerpt(lines)), "utf-8")
    print(f"Wrote {PICTURE.relative_to(CHECKOUT)} and the excerpt in {README.relative_to(CHECKOUT)}.")
    return 0


def record(command: Sequence[str]) -> tuple[int, bytes]:
    """Run a command in the checkout, on a terminal of its own; return its exit code and all that it printed."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MAKE", "MFLAGS")) and name not in ("COLUMNS", "LINES", "NO_COLOR")
    }
    terminal, inner = pty.openpty()
    fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=kept | {"TERM": "xterm-256color"},
        stdin=inner,
        stdout=inner,
        stderr=inner,
        start_new_session=True,
    ) as process:
        os.close(inner)
        output = b"".join(_read(terminal))
    os.close(terminal)
    return process.returncode, output


def read_screen(output: bytes) -> list[Text]:
    """Return the lines that a terminal shows in the end: a progress bar once, as it was drawn last."""
    screen = pyte.Screen(COLUMNS, ROWS)
    pyte.ByteStream(screen).feed(output)
    return [_read_line(screen.buffer[row]) for row in range(screen.cursor.y + 1)]


def crop(lines: Sequence[Text]) -> list[Text]:
    """Return what the picture shows: the first mining with its result, its report, and the contacts.

    Each passage that is left out leaves a mark.
    """
    mined, reported, contacts = (_section(lines, command) for command in ("mine", "report", "contacts"))
    start = lines[: lines.index(mined[0])]
    mark = Text(LEFT_OUT)
    shown = (*start, *mined, Text(), *_until_verdicts(reported), mark, Text(), *contacts, mark)
    return [Text(f"$ {COMMAND}"), *shown]


def excerpt(lines: Sequence[Text]) -> list[str]:
    """Return what README quotes: the result of the first mining, and `report` down to its last verdict."""
    result = next(line for line in _section(lines, "mine") if re.match(r"[\d,]+ contacts from ", line.plain))
    return [line.plain for line in (result, Text(), *_until_verdicts(_section(lines, "report")[1:]))]


def replace_excerpt(page: str, lines: Sequence[str]) -> str:
    """Return a page with its one block of text replaced by these lines."""
    block = "\n".join(("```text", *lines, "```"))
    changed, count = EXCERPT.subn(lambda _: block, page)
    if count != 1:
        raise ValueError(f"the page has {count} blocks of text, and not one")
    return changed


def draw(lines: Sequence[Text]) -> str:
    """Return an SVG of a terminal that shows these lines; it loads nothing from anywhere."""
    console = Console(
        record=True,
        width=COLUMNS,
        file=io.StringIO(),
        force_terminal=True,
        color_system="truecolor",
        legacy_windows=False,
    )
    for line in lines:
        console.print(line, no_wrap=True, crop=True)
    return console.export_svg(title=COMMAND, code_format=SVG, unique_id="demo")


def _read(terminal: int) -> Iterator[bytes]:
    while True:
        try:
            data = os.read(terminal, 65_536)
        except OSError:  # Linux reports the end of a terminal as an error
            return
        if not data:
            return
        yield data


def _read_line(cells: "dict[int, Char]") -> Text:
    line = Text()
    for (fg, bg, bold), run in groupby((cells[column] for column in range(COLUMNS)), key=lambda cell: cell[1:4]):
        line.append("".join(cell.data for cell in run), Style(color=_color(fg), bgcolor=_color(bg), bold=bold))
    line.rstrip()
    return line


def _color(name: str) -> str | None:
    if name == "default":
        return None
    if re.fullmatch("[0-9a-f]{6}", name):
        return f"#{name}"
    return YELLOW.get(name, name.replace("bright", "bright_"))


def _section(lines: Sequence[Text], command: str) -> list[Text]:
    """Return the first run of a command: the title above it, the command itself, and what it printed."""
    starts = [at - 1 for at, line in enumerate(lines) if line.plain.startswith(PROMPT)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        if lines[start + 1].plain.startswith(f"{PROMPT}{command}"):
            section = list(lines[start:end])
            while not section[-1].plain:
                section.pop()
            return section
    raise ValueError(f"the demo did not run leadminer {command}")


def _until_verdicts(section: Sequence[Text]) -> list[Text]:
    """Return a section without what follows the last line that counts addresses."""
    last = max(at for at, line in enumerate(section) if any(words in line.plain for words in VERDICTS.values()))
    return list(section[: last + 1])


if __name__ == "__main__":
    sys.exit(main())
