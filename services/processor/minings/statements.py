"""Named SQL: a file holds statements, each under a line `-- name: …`; Python only names them."""

import re
from pathlib import Path

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


def load_statements(path: Path) -> dict[str, str]:
    """Return the statements of a file by name; raise ValueError where a name stands twice."""
    pieces = _NAME.split(path.read_text(encoding="utf-8"))[1:]
    names = pieces[::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name} names a statement twice")
    return dict(zip(names, (text.strip() for text in pieces[1::2]), strict=True))
