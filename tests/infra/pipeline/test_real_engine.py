"""The steps on the real Pulumi engine, with a program so small that each command takes seconds."""

from pathlib import Path

import pytest

from tests.infra.pipeline.conftest import Scratch, Surroundings
from tests.support.fixtures import require
from tests.support.pulumi.engine import EngineMissing, Pulumi

PROGRAM = """
import pulumi
import pulumi_random as random

made = random.RandomPassword("password", length=20, special=False)
pulumi.export("worker", "mining-workers-staging")
pulumi.export("dollarsAMonth", "5.00")
pulumi.export("processorUrl", "https://processor.example.org")
pulumi.export("token", pulumi.Output.secret(made.result))
"""
RULE = """

def refuse(resources: Sequence[Resource], expected: Expectation) -> Iterator[str]:
    \"\"\"Nothing may be declared if data must be kept.\"\"\"
    if expected.protected:
        yield "A rule of tests refuses this."


PREDICATES = {**PREDICATES, "data-is-kept": refuse}
"""


@pytest.fixture
def pulumi(tmp_path: Path, scratch: Scratch, surroundings: Surroundings) -> Pulumi:
    """Return the pulumi command, for a small program in the scratch checkout that can be deployed."""
    for stack in ("staging", "production"):
        with (scratch.folder / f"Pulumi.{stack}.yaml").open("a") as file:
            file.writelines(f'  leadminer:{name}: "{value}"\n' for name, value in surroundings.settings.items())
    (scratch.folder / "infra" / "__main__.py").write_text(PROGRAM)
    try:
        return Pulumi(tmp_path / "pulumi", scratch.folder, surroundings.environ)
    except EngineMissing as error:
        require(False, f"no Pulumi engine: {error}")
        raise


def test_a_stack_is_made_brought_up_and_left_alone(scratch: Scratch, pulumi: Pulumi) -> None:
    """After a first deployment, another one changes nothing, and neither a preview nor drift finds a difference."""
    first = scratch.step("deploy", "staging", **pulumi.environment)
    token = pulumi.outputs("staging")["token"]

    again = scratch.step("deploy", "staging", **pulumi.environment)
    still = scratch.step("expect-no-changes", "staging", **pulumi.environment)
    shown = scratch.step("preview", "staging", **pulumi.environment)
    drift = scratch.step("drift", "staging", **pulumi.environment)
    summary = scratch.step("summary", "staging", **pulumi.environment)

    all_done = (first, again, still, shown, drift, summary)
    assert [done.returncode for done in all_done] == [0] * 6, "\n".join(done.stdout + done.stderr for done in all_done)
    assert pulumi.outputs("staging")["token"] == token
    assert "| Worker | `mining-workers-staging` |" in summary.stdout
    assert not [done for done in all_done if token in done.stdout + done.stderr]


def test_a_runner_has_the_committed_files_alone(scratch: Scratch, pulumi: Pulumi) -> None:
    """The passphrase is enough: what the first deployment writes to the stack file can be lost."""
    file = scratch.folder / "Pulumi.staging.yaml"
    committed = file.read_text("utf-8")
    first = scratch.step("deploy", "staging", **pulumi.environment)
    token, written = pulumi.outputs("staging")["token"], file.read_text("utf-8")

    for step in ("expect-no-changes", "preview", "drift", "deploy"):
        file.write_text(committed, "utf-8")
        done = scratch.step(step, "staging", **pulumi.environment)
        assert done.returncode == 0, f"{step}: {done.stdout}{done.stderr}"

    file.write_text(committed, "utf-8")
    assert (first.returncode, written != committed) == (0, True)
    assert pulumi.outputs("staging")["token"] == token


def test_what_is_left_to_change_fails(scratch: Scratch, pulumi: Pulumi) -> None:
    """An undeployed change shows in `expect-no-changes` and the preview, but not as drift."""
    scratch.step("deploy", "staging", **pulumi.environment)
    (scratch.folder / "infra" / "__main__.py").write_text(PROGRAM.replace("length=20", "length=30"))

    left = scratch.step("expect-no-changes", "staging", **pulumi.environment)
    shown = scratch.step("preview", "staging", **pulumi.environment)
    drift = scratch.step("drift", "staging", **pulumi.environment)

    assert (left.returncode, shown.returncode, drift.returncode) == (1, 0, 0), left.stdout + shown.stdout + drift.stdout
    assert "make expect-no-changes: pulumi failed with exit code" in left.stderr
    assert "30" in shown.stdout


def test_a_stack_that_breaks_a_policy_is_not_brought_up(scratch: Scratch, pulumi: Pulumi) -> None:
    """A policy that requires kept data stops production before anything is created, and lets staging pass."""
    with (scratch.folder / "infra" / "predicates.py").open("a") as predicates:
        predicates.write(RULE)

    production = scratch.step("deploy", "production", **pulumi.environment)
    staging = scratch.step("deploy", "staging", **pulumi.environment)

    assert (production.returncode, staging.returncode) == (1, 0), production.stdout + staging.stdout
    assert "A rule of tests refuses this." in production.stdout
    assert pulumi.run("stack", "--stack", "production", "--show-urns").count("urn:pulumi") == 0
    assert "mining-workers-staging" in pulumi.outputs("staging")["worker"]


def test_a_stack_that_is_not_there_is_not_made_by_a_preview(scratch: Scratch, pulumi: Pulumi) -> None:
    """A preview of a stack that does not exist fails, and does not create it."""
    done = scratch.step("preview", "staging", **pulumi.environment)

    assert (done.returncode, "no stack named 'staging' found" in done.stdout) == (1, True), done.stdout
    assert list((pulumi.folder / "state").glob(".pulumi/stacks/**/*.json")) == []
