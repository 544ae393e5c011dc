"""Stand-ins for the commands `docker` and `pulumi`: each answers from a table, and fails if it finds no answer."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PROGRAM = """#!{python}
import json, pathlib, sys
table = json.loads(pathlib.Path({table!r}).read_text())
words = " ".join(sys.argv[1:])
for beginning, (code, text) in table.items():
    if words.startswith(beginning):
        print(text, file=sys.stderr if code else sys.stdout)
        sys.exit(code)
sys.exit(f"this stand-in has no answer to: {{words}}")
"""


@dataclass
class Commands:
    """A folder with the commands, to put on PATH."""

    folder: Path
    tables: dict[str, dict[str, tuple[int, str]]] = field(default_factory=dict)

    def answer(self, command: str, beginning: str, text: object = "", *, code: int = 0) -> None:
        """Let a command with these first words print a text (other values as JSON); a nonzero `code` makes it fail."""
        shown = text if isinstance(text, str) else json.dumps(text)
        self.tables.setdefault(command, {})[beginning] = (code, shown)
        table = self.folder / f"{command}.json"
        table.write_text(json.dumps(self.tables[command]), "utf-8")
        program = self.folder / command
        program.write_text(PROGRAM.format(python=sys.executable, table=str(table)), "utf-8")
        program.chmod(0o755)

    def configure(self, settings: Mapping[str, str], *, secrets: Mapping[str, str] | None = None) -> None:
        """Provide Pulumi, with these settings and secrets of a stack."""
        config = {f"leadminer:{name}": {"value": value, "secret": False} for name, value in settings.items()}
        config |= {f"leadminer:{name}": {"value": each, "secret": True} for name, each in (secrets or {}).items()}
        self.answer("pulumi", "version", "v3.259.0")
        self.answer("pulumi", "config --json", config)
