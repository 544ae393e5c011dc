"""A release is a tag on the deployed commit and its notes; made once, and finished where it was broken off."""

import re
import tomllib

from infra.pipeline.release import credentials
from tests.infra.pipeline.conftest import CHECKOUT, Scratch
from tests.support.github import GitHubStandIn

VERSION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
TAG = f"v{VERSION}"


def tags(scratch: Scratch) -> dict[str, str]:
    """Return the remote's tags and their commits."""
    lines = scratch.git("ls-remote", "--tags", "origin").splitlines()
    return {name.removeprefix("refs/tags/"): commit for commit, name in (line.split() for line in lines)}


def test_the_commit_is_tagged_and_its_notes_are_published(scratch: Scratch, github: GitHubStandIn) -> None:
    """The tag is the version's, on the checkout's commit; the notes are the changelog's section and nothing else."""
    scratch.write("CHANGELOG.md", f"## {VERSION}", f"## 99.0.0\n\n- Later.\n\n## {VERSION}")
    scratch.git("commit", "-qam", "Say what comes later")

    done = scratch.step("release", **github.environ)

    assert done.returncode == 0, done.stderr
    assert tags(scratch) == {TAG: scratch.git("rev-parse", "HEAD")}
    notes = github.releases[TAG]["body"]
    assert notes.startswith("- `leadminer mine")
    assert "Later" not in notes
    assert notes in done.stdout


def test_a_laptop_without_github_tags_too(scratch: Scratch) -> None:
    """Without a token the tag is pushed as whoever runs it, and the notes are shown."""
    done = scratch.step("release")

    assert done.returncode == 0, done.stderr
    assert list(tags(scratch)) == [TAG]
    assert f"Released {TAG}" in done.stdout


def test_a_version_is_released_once(scratch: Scratch, github: GitHubStandIn) -> None:
    """A further deployment of the same version, on the same commit or a later one, releases nothing."""
    scratch.step("release", **github.environ)
    first = dict(github.releases), tags(scratch)

    again = scratch.step("release", **github.environ)
    scratch.git("commit", "-q", "--allow-empty", "-m", "Go on")
    later = scratch.step("release", **github.environ)

    assert (again.returncode, later.returncode) == (0, 0), again.stderr + later.stderr
    assert (dict(github.releases), tags(scratch)) == first
    assert again.stdout == f"Nothing to release: {TAG} is there, on this commit.\n"
    assert later.stdout.startswith(f"Nothing to release: {TAG} is there. A new version")


def test_what_was_broken_off_is_finished(scratch: Scratch, github: GitHubStandIn) -> None:
    """A tag without a release gets it; an annotated tag counts as one on its commit."""
    scratch.git("tag", "-a", TAG, "-m", "by hand")
    scratch.git("push", "-q", "origin", TAG)

    done = scratch.step("release", **github.environ)

    assert done.returncode == 0, done.stderr
    assert list(github.releases) == [TAG]


def test_a_new_version_is_released_beside_the_old(scratch: Scratch, github: GitHubStandIn) -> None:
    """Number and section make it."""
    scratch.step("release", **github.environ)
    scratch.write("pyproject.toml", f'version = "{VERSION}"', 'version = "99.0.0"')
    scratch.write("CHANGELOG.md", f"## {VERSION}", f"## 99.0.0 (2030-01-01)\n\n- New.\n\n## {VERSION}")
    scratch.git("commit", "-qam", "Become 99.0.0")

    done = scratch.step("release", **github.environ)

    assert done.returncode == 0, done.stderr
    assert set(tags(scratch)) == {TAG, "v99.0.0"}
    assert github.releases["v99.0.0"]["body"] == "- New."


def test_a_version_without_notes_is_not_released(scratch: Scratch, github: GitHubStandIn) -> None:
    """The sentence says what to write, and nothing is tagged."""
    scratch.write("pyproject.toml", f'version = "{VERSION}"', 'version = "99.0.0"')

    done = scratch.step("release", **github.environ)

    assert done.returncode == 1
    assert "CHANGELOG.md says nothing of 99.0.0" in done.stderr
    assert tags(scratch) == {}


def test_a_refused_token_is_told(scratch: Scratch, github: GitHubStandIn) -> None:
    """GitHub's words are shown, the token is not."""
    done = scratch.step("release", **{**github.environ, "GITHUB_TOKEN": "a-wrong-token"})

    assert done.returncode == 1
    assert "GitHub answered 401" in done.stderr
    assert "a-wrong-token" not in done.stdout + done.stderr


def test_git_pushes_with_the_steps_token() -> None:
    """The checkout keeps none: it goes to GitHub's own server alone, by the environment, not by an argument."""
    given = credentials({"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://github.example.org"})

    assert credentials({}) == {}
    assert given["GIT_CONFIG_KEY_0"] == "http.https://github.example.org/.extraheader"
    assert re.fullmatch(r"Authorization: Basic eC1hY2Nlc3MtdG9rZW46d[A-Z]==", given["GIT_CONFIG_VALUE_0"])
