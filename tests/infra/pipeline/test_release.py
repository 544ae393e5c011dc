"""A release is a tag on the deployed commit and its notes; it is made once, and completed if it was interrupted."""

import re
import tomllib

from infra.pipeline.release import credentials
from tests.infra.pipeline.conftest import CHECKOUT, Scratch
from tests.support.github import GitHubStandIn

VERSION = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
TAG = f"v{VERSION}"


def tags(scratch: Scratch) -> dict[str, str]:
    """Return the commits of the remote's tags."""
    lines = scratch.git("ls-remote", "--tags", "origin").splitlines()
    return {name.removeprefix("refs/tags/"): commit for commit, name in (line.split() for line in lines)}


def test_the_commit_is_tagged_and_its_notes_are_published(scratch: Scratch, github: GitHubStandIn) -> None:
    """The version's tag is put on the checkout's commit, and the notes are the version's section of the changelog."""
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
    """Without a token, the tag is pushed with the user's own rights, and the notes are printed."""
    done = scratch.step("release")

    assert done.returncode == 0, done.stderr
    assert list(tags(scratch)) == [TAG]
    assert f"Released {TAG}" in done.stdout


def test_a_version_is_released_once(scratch: Scratch, github: GitHubStandIn) -> None:
    """Deploying the same version again, on the same commit or a later one, releases nothing."""
    scratch.step("release", **github.environ)
    first = dict(github.releases), tags(scratch)

    again = scratch.step("release", **github.environ)
    scratch.git("commit", "-q", "--allow-empty", "-m", "Go on")
    later = scratch.step("release", **github.environ)

    assert (again.returncode, later.returncode) == (0, 0), again.stderr + later.stderr
    assert (dict(github.releases), tags(scratch)) == first
    assert again.stdout == f"Nothing to release: {TAG} is already on this commit.\n"
    assert later.stdout.startswith(f"Nothing to release: {TAG} exists. For the next release, set a new version")


def test_what_was_broken_off_is_finished(scratch: Scratch, github: GitHubStandIn) -> None:
    """A tag without a release gets one, even if the tag is annotated."""
    scratch.git("tag", "-a", TAG, "-m", "by hand")
    scratch.git("push", "-q", "origin", TAG)

    done = scratch.step("release", **github.environ)

    assert done.returncode == 0, done.stderr
    assert list(github.releases) == [TAG]


def test_a_new_version_is_released_beside_the_old(scratch: Scratch, github: GitHubStandIn) -> None:
    """A new version with its own changelog section is released beside the old one."""
    scratch.step("release", **github.environ)
    scratch.write("pyproject.toml", f'version = "{VERSION}"', 'version = "99.0.0"')
    scratch.write("CHANGELOG.md", f"## {VERSION}", f"## 99.0.0 (2030-01-01)\n\n- New.\n\n## {VERSION}")
    scratch.git("commit", "-qam", "Become 99.0.0")

    done = scratch.step("release", **github.environ)

    assert done.returncode == 0, done.stderr
    assert set(tags(scratch)) == {TAG, "v99.0.0"}
    assert github.releases["v99.0.0"]["body"] == "- New."


def test_a_version_without_notes_is_not_released(scratch: Scratch, github: GitHubStandIn) -> None:
    """A version without notes is not tagged, and the error says what to write."""
    scratch.write("pyproject.toml", f'version = "{VERSION}"', 'version = "99.0.0"')

    done = scratch.step("release", **github.environ)

    assert done.returncode == 1
    assert "CHANGELOG.md has no notes for 99.0.0" in done.stderr
    assert tags(scratch) == {}


def test_a_refused_token_is_told(scratch: Scratch, github: GitHubStandIn) -> None:
    """If GitHub refuses the token, its answer is shown and the token is not."""
    done = scratch.step("release", **{**github.environ, "GITHUB_TOKEN": "a-wrong-token"})

    assert done.returncode == 1
    assert "GitHub answered 401" in done.stderr
    assert "a-wrong-token" not in done.stdout + done.stderr


def test_git_pushes_with_the_steps_token() -> None:
    """Git gets the token through the environment, and only for GitHub's server."""
    given = credentials({"GITHUB_TOKEN": "t", "GITHUB_SERVER_URL": "https://github.example.org"})

    assert credentials({}) == {}
    assert given["GIT_CONFIG_KEY_0"] == "http.https://github.example.org/.extraheader"
    assert re.fullmatch(r"Authorization: Basic eC1hY2Nlc3MtdG9rZW46d[A-Z]==", given["GIT_CONFIG_VALUE_0"])
