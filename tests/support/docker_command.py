"""Stands in for Docker's command, so that no image is built: by itself, or in front of the real one."""

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
    """The command by itself, in a folder that a test puts first on PATH; images are pushed to one registry.

    It records its calls, and reports the same digest for every image.
    """

    folder: Path
    registry: str
    digest: str = f"sha256:{'a' * 64}"

    def __post_init__(self) -> None:
        """Write the command."""
        self.folder.mkdir()
        program = self.folder / "docker"
        program.write_text(SCRIPT.format(digest=self.digest, registry=self.registry))
        program.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """Return the calls: arguments, whether DOCKER_CONFIG was set, and what a login read from standard input."""
        return (self.folder / "calls").read_text().splitlines()


BUILT = """#!/bin/sh
[ "$1" = build ] || exec {docker} "$@"
while [ "$1" != --tag ]; do shift; done
exec {docker} tag {image} "$2"
"""


def write_built(folder: Path, image: str) -> None:
    """Write a wrapper of the real command into a folder; instead of building, it tags an existing image."""
    folder.mkdir()
    program = folder / "docker"
    program.write_text(BUILT.format(docker=shutil.which("docker"), image=image))
    program.chmod(0o755)
