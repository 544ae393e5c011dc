"""The workflows are valid, have no more rights than they need, and only run make targets."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from infra.pipeline.pins import check_pins
from tests.support.actionlint import LinterMissing, build_actionlint
from tests.support.fixtures import require
from tests.support.workflows import CHECKOUT, WORKFLOWS, Workflow, expressions, read_workflows
from tests.unit.docs.pages import bare, make_targets, read_page, table

FOUND = read_workflows()
GRANTS = {
    ("cloudflare-deploy", "image"): {"contents": "read", "packages": "write"},
    ("cloudflare-deploy", "release"): {"contents": "write"},
    ("drift", "drift"): {"contents": "read", "issues": "write"},
    ("preview", "preview"): {"contents": "read", "pull-requests": "write"},
}
"""The permissions of jobs that need more than reading the repository, by workflow and job."""
ENVIRONMENTS = {
    ("cloudflare-deploy", "production"): "production",
    ("cloudflare-deploy", "staging"): "staging",
    ("drift", "drift"): "preview",
    ("preview", "preview"): "preview",
}
QUIETLY = ("--offline", "--no-progress", "--quiet", "--pedantic")
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
EVENTS = {
    "ci": {"pull_request", "push"},
    "cloudflare-deploy": {"push"},
    "drift": {"schedule", "workflow_dispatch"},
    "preview": {"pull_request"},
}
"""The events of each workflow. `pull_request_target` and `workflow_run` would give a fork's code our rights."""
each_workflow = pytest.mark.parametrize(("name", "workflow"), FOUND.items(), ids=FOUND)


def secrets_of(workflow: Workflow) -> set[str]:
    """Return the secrets that a workflow uses."""
    return {each.removeprefix("secrets.") for each in expressions(dict(workflow.raw)) if each.startswith("secrets.")}


def test_actionlint_finds_nothing() -> None:
    """The workflows pass actionlint."""
    try:
        actionlint = build_actionlint()
    except LinterMissing as error:
        require(False, f"no actionlint: {error}")
        raise

    done = subprocess.run([actionlint, *sorted(WORKFLOWS.glob("*.yml"))], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (0, "")


def test_zizmor_finds_nothing() -> None:
    """The workflows pass zizmor, even in pedantic mode. It runs offline, since other tests check versions."""
    zizmor = Path(sys.executable).with_name("zizmor")
    require(zizmor.exists(), "no zizmor: make setup")

    done = subprocess.run([str(zizmor), *QUIETLY, str(WORKFLOWS)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("old", "new"), [("@3d3c42e5aac5", "@v7 # "), ("  pull_request:", "  pull_request_target:")])
def test_zizmor_finds_what_is_wrong(tmp_path: Path, old: str, new: str) -> None:
    """An unpinned action and a dangerous event are found, so the check can fail."""
    zizmor = Path(sys.executable).with_name("zizmor")
    require(zizmor.exists(), "no zizmor: make setup")
    file = tmp_path / "preview.yml"
    file.write_text((WORKFLOWS / "preview.yml").read_text("utf-8").replace(old, new), "utf-8")

    done = subprocess.run([str(zizmor), *QUIETLY, str(file)], capture_output=True, text=True, check=False)

    assert done.returncode > 10, done.stdout + done.stderr  # exit codes above 10 are findings


@each_workflow
def test_each_line_is_a_target(name: str, workflow: Workflow) -> None:
    """Each step runs one existing make target, so that YAML has no logic."""
    lines = [step.run for step in workflow.steps if step.run]
    found = [re.fullmatch(r"make ([a-z-]+)(?: STACK=(?:staging|production))?", line) for line in lines]

    assert lines
    assert [line for line, match in zip(lines, found, strict=True) if match is None] == []
    assert {match[1] for match in found if match} <= make_targets()


@each_workflow
def test_rights_are_given_job_by_job(name: str, workflow: Workflow) -> None:
    """Workflows have no permissions; each job has those it needs, a timeout, and an environment if it has secrets."""
    jobs = {(name, job.name): job.raw for job in workflow.jobs}

    assert workflow.raw["permissions"] == {}
    assert {key: raw["permissions"] for key, raw in jobs.items()} == {
        key: GRANTS.get(key, {"contents": "read"}) for key in jobs
    }
    assert {key: raw.get("environment") for key, raw in jobs.items()} == {key: ENVIRONMENTS.get(key) for key in jobs}
    assert all(raw["timeout-minutes"] <= 90 for raw in jobs.values())
    assert all(raw["runs-on"] == "ubuntu-24.04" for raw in jobs.values())


@each_workflow
def test_secrets_are_in_an_environment_alone(name: str, workflow: Workflow) -> None:
    """Secrets are only used in `run` steps of jobs with an environment, and never passed to an action."""
    with_environment = [job for job in workflow.jobs if "environment" in job.raw]
    steps = [step for job in with_environment for step in job.steps if step.run]
    given = {each.removeprefix("secrets.") for step in steps for each in expressions(dict(step.env))}
    everywhere = sorted(each for each in expressions(dict(workflow.raw)) if each.startswith("secrets."))
    in_steps = sorted(each for step in steps for each in expressions(dict(step.env)) if each.startswith("secrets."))

    assert everywhere == in_steps
    assert secrets_of(workflow) <= given


@each_workflow
def test_runs_do_not_meet(name: str, workflow: Workflow) -> None:
    """Each workflow, or each of its jobs, has a concurrency group, and deployments are never canceled."""
    groups = [workflow.raw["concurrency"]] if "concurrency" in workflow.raw else []
    groups = groups or [job.raw["concurrency"] for job in workflow.jobs]

    assert all(group["group"] for group in groups)
    if name == "cloudflare-deploy":
        assert not any(group.get("cancel-in-progress") for group in groups)


def test_no_fork_reaches_a_secret() -> None:
    """Workflows with secrets run only for pull requests from this repository."""
    reached = {
        name: [job.raw.get("if") for job in workflow.jobs]
        for name, workflow in FOUND.items()
        if "pull_request" in workflow.triggers and secrets_of(workflow)
    }

    assert {name: workflow.triggers for name, workflow in FOUND.items()} == EVENTS
    assert reached == {"preview": [SAME_REPOSITORY]}


def test_everything_is_pinned() -> None:
    """Every action is pinned to a commit, with its version in a comment, and every image to a digest."""
    lines = [line for path in WORKFLOWS.glob("*.yml") for line in path.read_text("utf-8").splitlines()]
    used = [line.strip().removeprefix("- ") for line in lines if "uses:" in line]

    check_pins()
    assert used
    assert [line for line in used if not re.fullmatch(r"uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


def test_sources_of_commits_are_named() -> None:
    """`docs/develop.md` lists each action with its version and the source of its commit."""
    used = set()
    for path in WORKFLOWS.glob("*.yml"):
        used |= set(re.findall(r"uses: (\S+)@\S+ # (\S+)", path.read_text("utf-8")))

    rows = table(read_page("docs/develop.md"), "action")

    assert {(bare(action), version) for action, version, _ in rows} == used
    assert all(source for *_, source in rows)


def test_checkouts_keep_no_token() -> None:
    """Checkouts keep no token, so that later steps cannot push."""
    checkouts = [step for workflow in FOUND.values() for step in workflow.steps if "checkout@" in step.uses]

    assert checkouts
    assert all(step.options == {"persist-credentials": False} for step in checkouts)


def test_pulumi_is_that_of_the_lock() -> None:
    """The pulumi command and the SDK have the same version."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))["project"]
    [wanted] = [each for each in project["optional-dependencies"]["infra"] if each.startswith("pulumi==")]
    steps = [step for workflow in FOUND.values() for step in workflow.steps if "pulumi/actions@" in step.uses]

    assert steps
    assert {step.options["pulumi-version"] for step in steps} == {wanted.removeprefix("pulumi==")}
    assert all(set(step.options) == {"pulumi-version"} for step in steps)


def test_a_push_to_main_is_carried_to_production() -> None:
    """A push to main runs the image, tests, staging with a smoke mining, production and the release, in this order."""
    workflow = FOUND["cloudflare-deploy"]

    assert workflow.name == "Deploy to Cloudflare"
    assert workflow.raw["on"] == {"push": {"branches": ["main"]}}
    assert {job.name: job.needs for job in workflow.jobs} == {
        "image": (),
        "test": ("image",),
        "staging": ("image", "test"),
        "production": ("image", "staging"),
        "release": ("production",),
    }
    assert [step.run.removeprefix("make ") for step in workflow.steps if step.run] == [
        "publish",
        "unit",
        "deploy STACK=staging",
        "summary STACK=staging",
        "smoke STACK=staging",
        "deploy STACK=production",
        "summary STACK=production",
        "expect-no-changes STACK=production",
        "release",
    ]


def test_both_stacks_get_the_same_image() -> None:
    """Staging and production run the same image."""
    deploying = [step for step in FOUND["cloudflare-deploy"].steps if step.run.startswith("make deploy")]

    assert [step.env["FETCHER_IMAGE"] for step in deploying] == ["${{ needs.image.outputs.fetcher }}"] * 2


def test_secrets_are_those_that_are_documented() -> None:
    """`docs/pipeline.md` lists exactly the secrets that the workflows use."""
    used = {name for workflow in FOUND.values() for name in secrets_of(workflow)}

    documented = [bare(name) for name, *_ in table(read_page("docs/pipeline.md"), "secret")]

    assert sorted(documented) == sorted(used)


def test_ci_checks_everything() -> None:
    """CI runs lint, all tests, both builds and the workflow checks."""
    lines = {step.run for step in FOUND["ci"].steps if step.run}

    assert lines == {"make lint", "make ci", "make images", "make bundle", "make workflows"}
