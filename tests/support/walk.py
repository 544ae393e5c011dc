"""Types a document's commands as its reader does: one after another, in a single shell on a terminal."""

import os
import pty
import re
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.unit.docs.pages import read_page

ACCOUNT = "# Needs an account"
"""The first line of a block that no test runs, because it calls a real service."""
_BLOCK = re.compile(r"^( *)```sh\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.+)$", re.MULTILINE)


class WalkFailed(AssertionError):
    """A command of a document failed; the text is what the terminal showed."""


@dataclass(frozen=True, slots=True)
class Block:
    """A block of commands in a document, under a second-level heading."""

    heading: str
    commands: str

    @property
    def needs_account(self) -> bool:
        """Return whether the block is marked as one that no test can run."""
        return self.commands.startswith(ACCOUNT)


def read_blocks(page: str) -> list[Block]:
    """Return a document's blocks of commands in order."""
    text = read_page(page)
    blocks = []
    for match in _BLOCK.finditer(text):
        lines = [line.removeprefix(match[1]) for line in match[2].splitlines()]
        blocks.append(Block(_HEADING.findall(text[: match.start()])[-1], "\n".join(lines)))
    return blocks


def blocks_under(page: str, heading: str) -> list[Block]:
    """Return the commands under a heading of a document, which has to have some."""
    found = [block for block in read_blocks(page) if block.heading == heading]
    assert found, f"{page} has no commands under {heading!r}"
    return found


@dataclass(frozen=True)
class Reader:
    """Someone at a terminal, in a folder: `own` maps the document's example values to their own.

    `prefix` goes in front of the command that starts their shell.
    """

    folder: Path
    environment: Mapping[str, str]
    own: Mapping[str, str] = field(default_factory=dict)
    password: str = ""
    prefix: Sequence[str] = ()

    def type(self, *blocks: Block, before: str = "", after: str = "", seconds: float = 600.0) -> str:
        """Type blocks of commands; return what the terminal shows, or raise WalkFailed at the first failing command."""
        text = "\n".join(block.commands for block in blocks)
        for example, mine in self.own.items():
            text = text.replace(example, mine)
        script = self.folder / ".walk.sh"
        script.write_text(f"set -euxo pipefail\n{before}\n{text}\n{after}\n")
        terminal, inner = pty.openpty()
        process = subprocess.Popen(
            [*self.prefix, "bash", str(script)],
            cwd=self.folder,
            # With any other terminal, each Pulumi command queries it and waits 5 seconds for an answer.
            env={**os.environ, "TERM": "dumb", **self.environment},
            stdin=inner,
            stdout=inner,
            stderr=inner,
            start_new_session=True,
        )
        os.close(inner)
        try:
            shown = self._watch(terminal, process, time.monotonic() + seconds)
        finally:
            os.close(terminal)
            if process.poll() is None:
                process.kill()
            process.wait()
            script.unlink()
        if process.returncode:
            raise WalkFailed(f"the shell ended with exit code {process.returncode}:\n{shown[-6000:]}")
        return shown

    def _watch(self, terminal: int, process: "subprocess.Popen[bytes]", until: float) -> str:
        """Return what the terminal shows until the shell ends; type the password when asked."""
        shown, asked = "", 0
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.1)[0]:
                try:
                    shown += os.read(terminal, 65_536).decode(errors="replace")
                except OSError:  # the other end is closed
                    break
            elif process.poll() is not None:
                break
            if self.password and shown.count("Password for ") > asked:
                asked += 1
                os.write(terminal, f"{self.password}\n".encode())
        if process.poll() is None and time.monotonic() >= until:
            raise WalkFailed(f"the shell did not end in time:\n{shown[-6000:]}")
        process.wait(10)
        return shown
