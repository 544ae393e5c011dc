"""Reports: one comment per pull request, one issue while there is drift, a table on the run's page."""

from pathlib import Path

import pytest

from infra.pipeline.reports import TITLE
from tests.infra.pipeline.conftest import Scratch
from tests.support.github import MAX_BODY, GitHubStandIn
from tests.support.pulumi_command import PulumiCommand

OUTPUTS = {
    "worker": "mining-workers-staging",
    "queues": ["mining-queue-staging", "mining-queue-staging-dead"],
    "database": "mining-temp-staging",
    "bucket": "mining-emails-staging",
    "processorUrl": "https://processor.example.org",
    "dollarsAMonth": "5.00",
}
PULL_REQUEST = {"GITHUB_REF": "refs/pull/7/merge"}


@pytest.fixture
def said(pulumi: PulumiCommand) -> PulumiCommand:
    """Return a stand-in for the pulumi command with output for both stacks."""
    for stack in ("staging", "production"):
        pulumi.say("preview", stack, f"~ something of {stack}")
        pulumi.say("refresh", stack, f"nothing new in {stack}")
        pulumi.export(stack, fetcherImage=f"fetcher-of-{stack}")
    return pulumi


def test_a_pull_request_has_one_comment(scratch: Scratch, said: PulumiCommand, github: GitHubStandIn) -> None:
    """The comment covers both stacks, and the next push updates it, however many other comments there are."""
    github.comments[7] = [{"id": number, "body": "Looks fine."} for number in range(1, 150)]
    first = scratch.step("preview", PATH=said.path, **PULL_REQUEST, **github.environ)
    said.say("preview", "staging", "~ something else")

    second = scratch.step("preview", PATH=said.path, **PULL_REQUEST, **github.environ)

    ours = [each["body"] for each in github.comments[7] if each["body"] != "Looks fine."]
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert len(ours) == 1
    assert "### staging\n\nPreview:" in ours[0]
    assert "~ something else" in ours[0]
    assert "~ something of production" in ours[0]


def test_a_preview_that_fails_is_told_too(scratch: Scratch, said: PulumiCommand, github: GitHubStandIn) -> None:
    """If one preview fails, the comment shows it and the other stack's preview, and the step fails."""
    said.say("preview", "staging", "error: over budget", code=1)

    done = scratch.step("preview", PATH=said.path, **PULL_REQUEST, **github.environ)

    [comment] = github.comments[7]
    assert (done.returncode, "staging could not be previewed" in done.stderr) == (1, True)
    assert "The preview failed:" in comment["body"]
    assert "error: over budget" in comment["body"]
    assert "~ something of production" in comment["body"]


def test_a_laptop_previews_what_it_names(scratch: Scratch, said: PulumiCommand) -> None:
    """Without GitHub, the preview is only printed."""
    done = scratch.step("preview", "staging", PATH=said.path)

    assert (done.returncode, "~ something of staging" in done.stdout) == (0, True)
    assert {words[words.index("--stack") + 1] for words, _ in said.calls} == {"staging"}


def test_a_preview_has_the_image_that_is_deployed(scratch: Scratch, said: PulumiCommand) -> None:
    """A preview uses the deployed image, unless FETCHER_IMAGE names another."""
    scratch.step("preview", "staging", PATH=said.path)
    scratch.step("preview", "staging", PATH=said.path, FETCHER_IMAGE="mine")

    images = [environ.get("FETCHER_IMAGE") for words, environ in said.calls if words[0] == "preview"]
    assert images == ["fetcher-of-staging", "mine"]


def test_a_long_preview_is_cut_in_its_middle(scratch: Scratch, said: PulumiCommand, github: GitHubStandIn) -> None:
    """A long preview keeps its beginning and end, so that it fits into a comment."""
    said.say("preview", "staging", "begin " + "x" * 2 * MAX_BODY)

    done = scratch.step("preview", PATH=said.path, **PULL_REQUEST, **github.environ)

    [comment] = github.comments[7]
    assert done.returncode == 0, done.stderr
    assert "begin xxx" in comment["body"]
    assert "middle omitted" in comment["body"]
    assert "~ something of production" in comment["body"]


def test_drift_has_one_issue_while_it_lasts(scratch: Scratch, said: PulumiCommand, github: GitHubStandIn) -> None:
    """One issue is opened, updated and closed; new drift opens another. The step fails while there is drift."""
    codes = []
    for code, text in ((0, ""), (255, "the queue is gone"), (255, "the bucket is gone"), (0, ""), (255, "again")):
        said.say("refresh", "production", text, code=code)
        codes.append(scratch.step("drift", PATH=said.path, **github.environ).returncode)

    first, second = github.issues
    assert codes == [0, 1, 1, 0, 1]
    assert (first["title"], first["state"], second["state"]) == (TITLE, "closed", "open")
    assert "the bucket is gone" in first["body"]
    assert "the queue is gone" not in first["body"]
    assert "staging" not in first["body"]
    assert "again" in second["body"]


def test_drift_is_looked_for_without_running_the_program(scratch: Scratch, said: PulumiCommand) -> None:
    """A change that is not deployed yet is not drift."""
    scratch.step("drift", "staging", PATH=said.path)

    assert [words for words, _ in said.calls] == [
        ["refresh", "--preview-only", "--expect-no-changes", "--diff", "--stack", "staging", "--non-interactive"]
    ]


def test_the_runs_page_lists_what_there_is(scratch: Scratch, pulumi: PulumiCommand, tmp_path: Path) -> None:
    """The summary lists Workers, Queues, D1 and R2, on the run's page and on the terminal."""
    pulumi.export("staging", **OUTPUTS)

    done = scratch.step("summary", "staging", PATH=pulumi.path, GITHUB_STEP_SUMMARY=str(tmp_path / "summary"))

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "summary").read_text("utf-8") == done.stdout
    assert done.stdout.splitlines() == [
        "### staging",
        "",
        "| resource | name |",
        "| --- | --- |",
        "| Worker | `mining-workers-staging` |",
        "| Queue | `mining-queue-staging` |",
        "| Queue | `mining-queue-staging-dead` |",
        "| D1 | `mining-temp-staging` |",
        "| R2 | `mining-emails-staging` |",
        "",
        "About $5.00 per month; https://processor.example.org",
    ]


def test_a_stack_without_anything_is_told(scratch: Scratch, pulumi: PulumiCommand) -> None:
    """A summary of a stack without resources fails with the command that deploys it."""
    pulumi.export("staging")

    done = scratch.step("summary", "staging", PATH=pulumi.path)

    assert (done.returncode, "make deploy STACK=staging" in done.stderr) == (1, True)
