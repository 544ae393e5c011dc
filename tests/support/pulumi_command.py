"""Stands in for Pulumi's command: prints what a test tells it to, and records its arguments and environment.

It is for tests of how we use its output and exit codes. What Pulumi does to stacks is tested with the real engine.
"""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHOWN = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "FETCHER_IMAGE", "SSH_AUTH_SOCK")
SCRIPT = """#!{python}
import json, os, pathlib, sys
folder = pathlib.Path({folder!r})
words = sys.argv[1:]
stack = words[words.index("--stack") + 1] if "--stack" in words else "".join(words[2:3])
environ = {{name: os.environ[name] for name in {shown!r} if os.environ.get(name)}}
with (folder / "calls").open("a") as calls:
    calls.write(json.dumps([words, environ]) + "\\n")
said = json.loads((folder / "said.json").read_text())
code, text = said.get(f"{{words[0]}} {{stack}}", [0, ""])
print(text)
sys.exit(code)
"""


@dataclass(frozen=True)
class PulumiCommand:
    """The command, in a folder that a test puts first on PATH."""

    folder: Path

    def __post_init__(self) -> None:
        """Write the command."""
        self.folder.mkdir(exist_ok=True)
        program = self.folder / "pulumi"
        program.write_text(SCRIPT.format(python=sys.executable, folder=str(self.folder), shown=SHOWN))
        program.chmod(0o755)
        (self.folder / "said.json").write_text("{}")

    @property
    def path(self) -> str:
        """Return a PATH with the command's folder first."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    @property
    def calls(self) -> list[tuple[list[str], dict[str, str]]]:
        """Return the calls: the arguments, and the variables of the environment that matter."""
        file = self.folder / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [(words, environ) for words, environ in map(json.loads, lines)]

    def say(self, command: str, stack: str, text: str, *, code: int = 0) -> None:
        """Set what a command (`config`, `preview`, `refresh`, `stack`, `up`) on a stack prints, and its exit code."""
        file = self.folder / "said.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), f"{command} {stack}": [code, text]}))

    def export(self, stack: str, **outputs: Any) -> None:
        """Set a stack's outputs."""
        self.say("stack", stack, json.dumps(outputs))
