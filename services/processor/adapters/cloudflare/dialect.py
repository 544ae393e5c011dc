"""D1's dialect of named statements: numbered parameters, lists as one JSON parameter, large lists in slices.

D1 binds only `?1` … `?100` and no value above 2 MB. The SQL files use names instead (see `mining.sql`).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from processor.minings.statements import load_statements
from processor.ports import LimitExceeded, Statement
from schemas.limits import D1_ROW_BYTES, MAX_ROW_BYTES

_ARGUMENT = re.compile(r"(?<![\w:]):([a-z_]\w*)")
_LISTS = re.compile(r"^-- (rows|slices): (.+)$", re.MULTILINE)
_COMMENT = re.compile(r"^--.*\n?", re.MULTILINE)
_ROWS = "rows"


class Bound(NamedTuple):
    """One SQL statement ready for D1: numbered parameters, and their values in that order."""

    sql: str
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Text:
    """One SQL statement with numbered parameters, and the arguments' names in that order."""

    sql: str
    names: tuple[str, ...]

    @classmethod
    def number(cls, sql: str) -> "Text":
        """Return the statement with its named parameters numbered."""
        names = tuple(dict.fromkeys(_ARGUMENT.findall(sql)))
        return cls(_ARGUMENT.sub(lambda match: f"?{names.index(match[1]) + 1}", sql), names)


@dataclass(frozen=True, slots=True)
class Named:
    """The statements under one name. The arguments named in `lists` are passed together as `rows`."""

    texts: tuple[Text, ...]
    lists: tuple[str, ...]
    sliced: bool

    @classmethod
    def read(cls, body: str) -> "Named":
        """Parse the text under a name."""
        listed = _LISTS.search(body)
        texts = _COMMENT.sub("", body).strip().split(";\n")
        return cls(
            texts=tuple(Text.number(text) for text in texts),
            lists=tuple(listed[2].split(", ")) if listed else (),
            sliced=bool(listed) and listed[1] == "slices" if listed else False,
        )

    @property
    def arguments(self) -> frozenset[str]:
        """The names of all arguments."""
        return frozenset(name for text in self.texts for name in text.names if name != _ROWS) | frozenset(self.lists)

    def bind(self, arguments: Mapping[str, Any]) -> Iterator[Bound]:
        """Yield the statements to run, in order; raise LimitExceeded if a list is too large and cannot be sliced."""
        for rows in self._rows(arguments):
            given = {**arguments, _ROWS: rows}
            for text in self.texts:
                yield Bound(text.sql, [given[name] for name in text.names])

    def _rows(self, arguments: Mapping[str, Any]) -> list[str]:
        if not self.lists:
            return [""]
        rows = [_dump(row) for row in zip(*(arguments[name] for name in self.lists), strict=True)]
        if self.sliced:
            return [_join(rows[first:last]) for first, last in _cut(rows)]
        if sum(map(len, rows)) + len(rows) >= D1_ROW_BYTES:
            raise LimitExceeded("a list is larger than the database accepts")
        return [_join(rows)]


def load_named(path: Path) -> dict[str, Named]:
    """Return a file's statements by name."""
    return {name: Named.read(body) for name, body in load_statements(path).items()}


def bind_all(named: Mapping[str, Named], statements: Sequence[Statement]) -> list[Bound]:
    """Return the SQL to run for these statements, in order, with its values."""
    return [bound for statement in statements for bound in named[statement.name].bind(statement.arguments)]


def _cut(rows: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield the (start, end) of slices of about the size of one large row. There is at least one; it may be empty."""
    first, size = 0, 0
    for place, row in enumerate(rows):
        if place > first and size + len(row) > MAX_ROW_BYTES:
            yield first, place
            first, size = place, 0
        size += len(row) + 1
    yield first, len(rows)


def _join(rows: Sequence[str]) -> str:
    return f"[{','.join(rows)}]"


def _dump(row: Sequence[Any]) -> str:
    return json.dumps(row, separators=(",", ":"))
