"""A release: a tag on the commit that is in production, and the notes out of CHANGELOG.md."""

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
    """Tag the checkout's commit with its version and publish the notes; return what was done.

    A version that has its tag is not released again. What an earlier run left undone is done: each half by itself.
    """
    tag, notes = f"v{read_version()}", read_notes(read_version())
    commit = capture(["git", "rev-parse", "HEAD"]).strip()
    tagged = tagged_commit(tag)
    if tagged and tagged != commit:
        return f"Nothing to release: {tag} is there. A new version in pyproject.toml and CHANGELOG.md makes the next."
    if not tagged:
        capture(["git", "push", REMOTE, f"{commit}:refs/tags/{tag}"], credentials(os.environ))
    github = GitHub.find()
    published = github is not None and github.release(tag, notes)
    if tagged and not published:
        return f"Nothing to release: {tag} is there, on this commit."
    return f"Released {tag}:\n\n{notes}"


def read_version() -> str:
    """Return the version of the checkout."""
    return str(tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"])


def read_notes(version: str) -> str:
    """Return a version's section of CHANGELOG.md; raise StepFailed where there is none, or nothing in it."""
    text = (CHECKOUT / "CHANGELOG.md").read_text("utf-8")
    found = re.search(rf"^## {re.escape(version)}(?: [^\n]*)?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    notes = found[1].strip() if found else ""
    if not notes:
        raise StepFailed(f"CHANGELOG.md says nothing of {version}: give it a section '## {version}'.")
    return notes


def tagged_commit(tag: str) -> str:
    """Return the commit that a tag of the remote names; an empty text where there is no such tag."""
    names = [f"refs/tags/{tag}", f"refs/tags/{tag}^{{}}"]
    found = capture(["git", "ls-remote", REMOTE, *names], credentials(os.environ)).split()
    return found[-2] if found else ""  # an annotated tag is followed by its commit


def credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment in which git may push to GitHub: the checkout keeps no token, and no argument shows it."""
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
