"""A clone of the project in the checkout's current state, committed, with a bare repository as its origin."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.pulumi.engine import CHECKOUT
from tests.support.pulumi.project import copy_project

TYPES = ".mypy_cache"
"""mypy's cache of the checkout's files; in the clone, mypy rereads the files that differ."""
WHO = ("-c", "user.name=Jane Doe", "-c", "user.email=jane@example.org", "-c", "commit.gpgsign=false")


@dataclass(frozen=True)
class ScratchClone:
    """The clone's folder, and its origin."""

    folder: Path
    remote: Path

    def git(self, *arguments: str) -> str:
        """Run git in the clone as a fictional user, and return what it prints."""
        done = subprocess.run(["git", *WHO, *arguments], cwd=self.folder, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def tags(self) -> dict[str, str]:
        """Return the origin's commits by tag."""
        lines = self.git("ls-remote", "--tags", "origin").splitlines()
        return {name.removeprefix("refs/tags/"): commit for commit, name in (line.split() for line in lines)}

    def commit(self, message: str) -> str:
        """Commit all changes, push them to the origin's `main`, and return the commit."""
        self.git("add", "--all")
        self.git("commit", "-q", "-m", message)
        self.git("push", "-q", "origin", "main")
        return self.git("rev-parse", "HEAD")


def make_scratch_clone(folder: Path) -> ScratchClone:
    """Create the clone and its origin in a folder."""
    clone = ScratchClone(folder / "clone", folder / "remote.git")
    copy_project(clone.folder)
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", clone.remote], check=True)
    subprocess.run(["git", "init", "-q", "-b", "main", clone.folder], check=True)
    clone.git("remote", "add", "origin", str(clone.remote))
    clone.commit("Begin")
    if (CHECKOUT / TYPES).is_dir():
        shutil.copytree(CHECKOUT / TYPES, clone.folder / TYPES)
    return clone
