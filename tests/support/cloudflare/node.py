"""One of our Node scripts: it reads its settings from a file, and ends when its standard input closes."""

import json
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.cloudflare.packages import HERE

STOP_SECONDS = 10.0


class LocalError(RuntimeError):
    """A call of the local Cloudflare failed; the text is its error message."""


class NodeScript:
    """One process; it prints a line of JSON once it has started, and one for each line of input."""

    def __init__(self, node: str, script: str) -> None:
        self._command = [node, str(HERE / script)]
        self._folder = tempfile.TemporaryDirectory(prefix="lm-cf-")
        self._process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> str:
        """Return the output of the script, workerd and the Worker."""
        path = Path(self._folder.name) / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self, settings: Mapping[str, Any]) -> Any:
        """Start the script, and return its first answer; raise LocalError."""
        folder = Path(self._folder.name)
        (folder / "settings.json").write_text(json.dumps(settings))
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                [*self._command, str(folder / "settings.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self._read()

    def ask(self, call: str, fields: Mapping[str, Any]) -> Any:
        """Make a call, and return the answer; raise LocalError."""
        if self._process is None or self._process.stdin is None:
            raise LocalError("the local Cloudflare is not running")
        self._process.stdin.write(json.dumps({"call": call, **fields}) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """Stop the script; its data is deleted."""
        if self._process is not None:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.close()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process.stdout.close()
            self._process = None
        self._folder.cleanup()

    def _read(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise LocalError(f"the local Cloudflare ended: {self.log[-2000:]}")
        answer = json.loads(line)
        if "error" in answer:
            raise LocalError(f"{answer['error']}\n{self.log[-2000:]}")
        return answer["result"]
