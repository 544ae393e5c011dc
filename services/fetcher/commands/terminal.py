"""Terminal output: sentences, tables and JSON, sanitized because names and folders come from other people's mail."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that change the direction of the text around them (Unicode bidirectional controls)."""
WIDE_COLUMNS = 100
"""A terminal counts as wide if a line has at least this many characters."""
MAX_CELL = 48
"""The maximum number of characters in a table cell on a terminal, because names can have a thousand letters."""
HIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})


class Column(NamedTuple):
    """One column of a table. Columns with `wraps` shrink first; `spare` ones are left out on a narrow terminal."""

    head: str
    number: bool = False
    wraps: bool = False
    spare: bool = False


class Terminal:
    """Results go to `out`, everything else to `err`. If one is not a terminal, it gets plain lines of text."""

    def __init__(self) -> None:
        """Use the process's standard output and standard error, looked up at each write."""
        self.out = _console(stderr=False)
        self.err = _console(stderr=True)

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
        """Write a table, or tab-separated lines if there is no terminal."""
        if not self.out.is_terminal:
            for row in ([column.head for column in columns], *rows):
                self.show("\t".join("" if value is None else sanitise(str(value)) for value in row))
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
        shown = [at for at, column in enumerate(columns) if not column.spare or self.out.width >= WIDE_COLUMNS]
        for column in (columns[at] for at in shown):
            table.add_column(
                column.head,
                justify="right" if column.number else "left",
                no_wrap=not column.wraps,
                overflow="fold",
            )
        for row in rows:
            table.add_row(*(Text(_cell(row[at])) for at in shown))
        self.out.print(table)


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


def _console(*, stderr: bool) -> Console:
    return Console(stderr=stderr, markup=False, highlight=False, emoji=False)


def _write(console: Console, text: str, style: str) -> None:
    for line in sanitise(text, keep="\t\n").split("\n"):
        if console.is_terminal:
            console.print(Text(line, style=style), soft_wrap=True)
        else:
            console.file.write(f"{line}\n")


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = sanitise(f"{value:,}" if isinstance(value, int) else str(value))
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"
