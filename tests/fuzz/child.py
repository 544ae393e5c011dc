"""The process that fuzzes one target with atheris until libFuzzer ends it: `python -m tests.fuzz.child TARGET FILE …`.

It notes each law that is broken, with the shortest input that breaks it, and goes on: a fuzzer that stops at the first
finding learns nothing else. Arguments after the file are libFuzzer's.
"""

import json
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["processor"]):
    from tests.fuzz.laws import Broken, try_input


class Notes:
    """The shortest input for each broken law, kept in a file. Inputs are text in JSON, one character per byte."""

    def __init__(self, target: str, file: Path) -> None:
        self._target = target
        self._file = file
        self._shortest: dict[str, bytes] = {}

    def look(self, data: bytes) -> None:
        """Try an input; note it if it breaks a law and is shorter than what was noted before."""
        try:
            try_input(self._target, data)
        except Broken as error:
            known = self._shortest.get(error.law)
            if known is None or len(data) < len(known):
                self._shortest[error.law] = data
                self._file.write_text(json.dumps({law: raw.decode("latin-1") for law, raw in self._shortest.items()}))


def main() -> None:
    """Fuzz."""
    target, file, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], Notes(target, Path(file)).look)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
