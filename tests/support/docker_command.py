"""Stands in for Docker's command, where no image has to be built: writes its calls down, and knows one digest."""

from dataclasses import dataclass
from pathlib import Path

SCRIPT = """#!/bin/sh
[ "$1" = login ] && told=$(cat)
echo "$* | ${{DOCKER_CONFIG:+own login}} | ${{told:-}}" >> "$(dirname "$0")/calls"
[ "$1 $2" = "image inspect" ] && echo '["other.example.org/fetcher@{digest}", "{registry}/fetcher@{digest}"]'
exit 0
"""


@dataclass(frozen=True)
class DockerCommand:
    """The command in a folder that a test puts in front of PATH; images are pushed to one registry."""

    folder: Path
    registry: str
    digest: str = f"sha256:{'a' * 64}"

    def __post_init__(self) -> None:
        """Write it."""
        self.folder.mkdir()
        program = self.folder / "docker"
        program.write_text(SCRIPT.format(digest=self.digest, registry=self.registry))
        program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """How it was called: words, whether with a login of its own, and what it was told on standard input."""
        return (self.folder / "calls").read_text().splitlines()
