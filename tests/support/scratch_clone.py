"""A clone of the project as the checkout holds it now, committed, with a bare repository as its origin."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.pulumi.engine import CHECKOUT
from tests.support.pulumi.project import copy_project

TYPES = ".mypy_cache"
"""What mypy knows of the checkout's files; those that are other ones in the clone it reads anew."""
WHO = ("-c", "user.name=Jane Doe", "-c", "user.email=jane@example.org", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class ScratchClone:
    """The clone's folder, and where its origin is."""

    folder: Path
    remote: Path

    def git(self, *arguments: str) -> str:
        """Run git in the clone, as somebody who does not exist, and return what it prints."""
        done = subprocess.run(["git", *WHO, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def tags(self) -> dict[str, str]:
        """Return the origin's tags and their commits."""
        lines = self.git("ls-remote", "--tags", "origin").splitlines()
        return {name.removeprefix("refs/tags/"): commit for commit, name in (line.split() for line in lines)}

    def commit(self, message: str) -> str:
        """Commit whatever was changed, push it to the origin's `main`, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")


def make_scratch_clone(folder: Path) -> ScratchClone:
    """Make both in a folder."""
    clone = ScratchClone(folder / "clone", folder / "remote.git")
    copy_project(clone.folder)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", clone.remote], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", clone.folder], check=True)
    clone.git("remote", "add", "origin", str(clone.remote))
    clone.commit("Begin")
    if (CHECKOUT / TYPES).is_dir():
        shutil.copytree(CHECKOUT / TYPES, clone.folder / TYPES)
    return clone
