"""Terminal output: sentences, tables and JSON, sanitized because names and folders come from other people's mail."""

import json
import sys
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple, TextIO

if TYPE_CHECKING:
    from rich.console import Console

DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of the text around them (Unicode bidirectional controls)."""
MAX_CELL = 48
"""The maximum number of characters in a table cell on a terminal, because names can have a thousand letters."""
MIN_WRAPPED = 12
"""The narrowest column in which a text that wraps is still easy to read."""
GAP = 3
"""The space between two columns of rich's table."""
COMMANDS = ("leadminer ", "$ ")
"""What a line starts with that people copy as a whole."""
HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Column(NamedTuple):
    """One column of a table.

    Columns with `wraps` shrink first, and `spare` ones are left out on a terminal that is too narrow for all. A `whole`
    one is never cut, because people copy what it has, such as addresses.
    """

    head: str
    number: bool = False
    wraps: bool = False
    spare: bool = False
    whole: bool = False


class Terminal:
    """Results go to `out`, everything else to `err`. If one is not a terminal, it gets plain lines of text."""

    @cached_property
    def out(self) -> "Console":
        """The process's standard output, looked up at each write."""
        return _console(sys.stdout, stderr=False)

    @cached_property
    def err(self) -> "Console":
        """The process's standard error, looked up at each write."""
        return _console(sys.stderr, stderr=True)

    def show(self, text: str = "", style: str = "") -> None:
        """Write a line of a result."""
        _write(self.out, text, style)

    def tell(self, text: str, style: str = "") -> None:
        """Write a line that is not a result: progress, a remark or an error."""
        _write(self.err, text, style)

    def show_json(self, value: object) -> None:
        """Write a value as JSON."""
        text = json.dumps(value, ensure_ascii=False, indent=2)
        sys.stdout.write((sanitise(text, keep="\n") if self.out.is_terminal else text) + "\n")

    def show_table(self, columns: Sequence[Column], rows: Iterable[Sequence[object]]) -> None:
        """Write a table, or tab-separated lines with all columns if there is no terminal.

        On a terminal that is too narrow for any table, each row becomes a few lines.
        """
        if not self.out.is_terminal:
            for row in ([column.head for column in columns], *rows):
                self.show("\t".join("" if value is None else sanitise(str(value)) for value in row))
            return
        cells = [[_cell(value, column) for value, column in zip(row, columns, strict=True)] for row in rows]
        shown = _fitting(columns, cells, self.out.width)
        kept, rest = list(compress(columns, shown)), [list(compress(row, shown)) for row in cells]
        if sum(_widths(kept, rest)) + GAP * (len(kept) - 1) > self.out.width:
            self._show_stacked(kept, rest)
        else:
            self._show_grid(kept, rest)

    def _show_grid(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        for column in columns:
            table.add_column(
                column.head,
                justify="right" if column.number else "left",
                no_wrap=not column.wraps,
                overflow="fold",
            )
        for row in rows:
            table.add_row(*map(Text, row))
        self.out.print(table)

    def _show_stacked(self, columns: Sequence[Column], rows: Iterable[Sequence[str]]) -> None:
        """Write what a narrow terminal cannot show side by side: what must be whole, and the rest under it."""
        for row in rows:
            pairs = list(zip(columns, row, strict=True))
            self.show(" ".join(cell for column, cell in pairs if column.whole), "bold")
            rest = (f"{column.head} {cell}" for column, cell in pairs if cell and not column.whole)
            self.show(f"  {' · '.join(rest)}")


def sanitise(text: str, *, keep: str = "") -> str:
    """Return text that cannot control a terminal: control and direction characters not in `keep` become U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(letter if letter in keep or not _is_hidden(letter) else "\ufffd" for letter in text)


def number(value: int | None) -> str:
    """Return a count with thousands separators, or a dash if it is not known yet."""
    return "-" if value is None else f"{value:,}"


def _is_hidden(letter: str) -> bool:
    return letter in DIRECTIONS or unicodedata.category(letter) in HIDDEN_CATEGORIES


def _console(stream: TextIO, *, stderr: bool) -> "Console":
    """Return a console that is a terminal only if the stream is one, whatever the environment says."""
    from rich.console import Console  # it takes a tenth of the time of a short command

    return Console(stderr=stderr, markup=False, highlight=False, emoji=False, force_terminal=stream.isatty())


def _write(console: "Console", text: str, style: str) -> None:
    for line in sanitise(text, keep="\t\n").split("\n"):
        if console.is_terminal:
            from rich.text import Text

            for piece in _broken(line, console.width):
                console.print(Text(piece, style=style), soft_wrap=True)
        else:
            console.file.write(f"{line}\n")


def _broken(line: str, width: int) -> list[str]:
    """Break a line between words, but neither in an address nor in a command: both are copied as a whole."""
    if len(line) <= width or line.lstrip().startswith(COMMANDS):
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(
        line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, replace_whitespace=False
    )


def _cell(value: object, column: Column) -> str:
    if value is None:
        return ""
    text = sanitise(f"{value:,}" if isinstance(value, int) else str(value))
    return text if column.whole or len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    """Return the least width that each column needs, in terminal cells."""
    from rich.cells import cell_len

    widths = []
    for at, column in enumerate(columns):
        longest = max((cell_len(row[at]) for row in rows), default=0)
        widths.append(max(cell_len(column.head), min(longest, MIN_WRAPPED) if column.wraps else longest))
    return widths


def _fitting(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[bool]:
    """Return which columns to show: all of them, or without the last spare ones that do not fit."""
    widths = _widths(columns, rows)
    shown = [True] * len(columns)
    for at in sorted((at for at, column in enumerate(columns) if column.spare), reverse=True):
        if sum(compress(widths, shown)) + GAP * (sum(shown) - 1) > width:
            shown[at] = False
    return shown
