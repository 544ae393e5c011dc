"""Stands in for Docker's command, where no image has to be built: alone, or in front of the real one."""

import shutil
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
    """The command, alone, in a folder that a test puts in front of PATH; images are pushed to one registry.

    It writes its calls down, and knows one digest.
    """

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


BUILT = """#!/bin/sh
[ "$1" = build ] || exec {docker} "$@"
while [ "$1" != --tag ]; do shift; done
exec {docker} tag {image} "$2"
"""


def write_built(folder: Path, image: str) -> None:
    """Write the real command into a folder, but for what it builds: that is an image that is there already."""
    folder.mkdir()
    program = folder / "docker"
    program.write_text(BUILT.format(docker=shutil.which("docker"), image=image))
    program.chmod(0o755)
