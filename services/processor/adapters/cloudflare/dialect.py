"""D1's dialect of named statements: numbered parameters, lists as one JSON parameter, large lists in slices.

D1 binds `?1` … `?100` alone, and no value beyond 2 MB; SQL files are written with names (see `mining.sql`).
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
    """One SQL statement as D1 takes it: numbered parameters, and their values in that order."""

    sql: str
    values: list[Any]


@dataclass(frozen=True, slots=True)
class Text:
    """One SQL statement with numbered parameters, and the names of their arguments in that order."""

    sql: str
    names: tuple[str, ...]

    @classmethod
    def number(cls, sql: str) -> "Text":
        """Return a statement whose named parameters are numbered."""
        names = tuple(dict.fromkeys(_ARGUMENT.findall(sql)))
        return cls(_ARGUMENT.sub(lambda match: f"?{names.index(match[1]) + 1}", sql), names)


@dataclass(frozen=True, slots=True)
class Named:
    """What a name stands for; `lists` travel together as the argument `rows`."""

    texts: tuple[Text, ...]
    lists: tuple[str, ...]
    sliced: bool

    @classmethod
    def read(cls, body: str) -> "Named":
        """Read the text below a name."""
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
        """Yield the statements to run, in order; raise LimitExceeded where a list is too large and cannot be cut."""
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
            raise LimitExceeded("a list is larger than the database takes")
        return [_join(rows)]


def load_named(path: Path) -> dict[str, Named]:
    """Return what the names of a file stand for."""
    return {name: Named.read(body) for name, body in load_statements(path).items()}


def bind_all(named: Mapping[str, Named], statements: Sequence[Statement]) -> list[Bound]:
    """Return the SQL statements of several named ones, in order."""
    return [bound for statement in statements for bound in named[statement.name].bind(statement.arguments)]


def _cut(rows: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield first and last place of slices that are about as large as one large row: at least one, maybe empty."""
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
