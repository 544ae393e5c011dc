"""Named SQL: a file holds statements, each under a line `-- name: …`, and Python uses only the names."""

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load_statements(path: Path) -> dict[str, str]:
    """Return a file's statements by name; raise ValueError if a name is used twice."""
    pieces = _NAME.split(path.read_text(encoding="utf-8"))[1:]
    names = pieces[::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name} names a statement twice")
    return dict(zip(names, (text.strip() for text in pieces[1::2]), strict=True))
