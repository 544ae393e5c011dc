"""A release: a tag on the commit in production, and the notes from CHANGELOG.md."""

import base64
import os
import re
import tomllib
from collections.abc import Mapping

from infra.commands import CHECKOUT, capture
from infra.pipeline.failure import StepFailed
from infra.pipeline.github import GitHub

REMOTE = "origin"


def release() -> str:
    """Tag the checkout's commit with its version, publish the notes, and return a sentence about what was done.

    A version that is already tagged on another commit is not released again. If an earlier run made only the tag, this
    publishes the notes.
    """
    tag, notes = f"v{read_version()}", read_notes(read_version())
    commit = capture(["git", "rev-parse", "HEAD"]).strip()
    tagged = tagged_commit(tag)
    if tagged and tagged != commit:
        return (
            f"Nothing to release: {tag} exists. For the next release, set a new version in pyproject.toml and add "
            "its section to CHANGELOG.md."
        )
    if not tagged:
        capture(["git", "push", REMOTE, f"{commit}:refs/tags/{tag}"], credentials(os.environ))
    github = GitHub.find()
    published = github is not None and github.release(tag, notes)
    if tagged and not published:
        return f"Nothing to release: {tag} is already on this commit."
    return f"Released {tag}:\n\n{notes}"


def read_version() -> str:
    """Return the version of the checkout."""
    return str(tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def read_notes(version: str) -> str:
    """Return a version's section of CHANGELOG.md; raise StepFailed if it is missing or empty."""
    text = (CHECKOUT / "CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    notes = found[1].strip() if found else ""
    if not notes:
        raise StepFailed(f"CHANGELOG.md has no notes for {version}: add a section '## {version}'.")
    return notes


def tagged_commit(tag: str) -> str:
    """Return the commit of a tag on the remote; an empty string if there is no such tag."""
    names = [f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"]
    found = capture(["git", "ls-remote", REMOTE, *names], credentials(os.environ)).split()
    return found[-2] if found else ""  # an annotated tag is followed by its commit


def credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables that let git push to GitHub: the token is neither in the checkout nor in an argument."""
    token = environ.get("GITHUB_TOKEN")
    if not token:
        return {}
    server = environ.get("GITHUB_SERVER_URL") or "https://github.com"
    basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
    }
