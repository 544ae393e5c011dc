"""How Pulumi's command is called: on which stack, under the policies, with the keys that it needs."""

import shutil

import pytest

from infra.pipeline.engine import state_credentials
from tests.infra.pipeline.conftest import Scratch
from tests.support.pulumi_command import PulumiCommand

R2 = {"CLOUDFLARE_R2_ACCESS_KEY_ID": "id", "CLOUDFLARE_R2_SECRET_ACCESS_KEY": "key"}
STATE = {"PULUMI_BACKEND_URL": "s3://state?endpoint=https://r2.example.org"}


def test_a_deployment_makes_the_stack_and_holds_to_the_policies(scratch: Scratch, pulumi: PulumiCommand) -> None:
    """A first deployment needs no other command; staging has its own settings of the policies."""
    done = scratch.step("deploy", "staging", PATH=pulumi.path)

    assert done.returncode == 0, done.stderr
    assert [words for words, _ in pulumi.calls] == [
        ["stack", "select", "staging", "--create", "--non-interactive"],
        [
            *("up", "--yes", "--stack", "staging", "--non-interactive", "--policy-pack", "infra/policy_pack"),
            *("--policy-pack-config", "infra/policy_pack/staging.json"),
        ],
    ]


def test_production_has_the_policies_as_they_are(scratch: Scratch, pulumi: PulumiCommand) -> None:
    """Nothing is softened there."""
    scratch.step("deploy", "production", PATH=pulumi.path)

    assert pulumi.calls[-1][0][-2:] == ["--policy-pack", "infra/policy_pack"]


def test_changes_that_are_left_fail(scratch: Scratch, pulumi: PulumiCommand) -> None:
    """The exit code is Pulumi's verdict, and its words are shown."""
    pulumi.say("preview", "production", "error: no changes were expected", code=255)

    done = scratch.step("expect-no-changes", "production", PATH=pulumi.path)

    assert (done.returncode, "no changes were expected" in done.stdout) == (1, True)
    assert pulumi.calls[-1][0] == [
        *("preview", "--expect-no-changes", "--diff", "--stack", "production", "--non-interactive"),
    ]


@pytest.mark.parametrize("arguments", [[], ["staging", "production"]])
def test_one_stack_is_wanted(scratch: Scratch, pulumi: PulumiCommand, arguments: list[str]) -> None:
    """The sentence names those that there are."""
    done = scratch.step("deploy", *arguments, PATH=pulumi.path)

    assert done.returncode == 1
    assert "make deploy: Say which stack, such as STACK=staging; there are staging, selfhost, production" in done.stderr
    assert pulumi.calls == []


def test_without_pulumi_it_is_told(scratch: Scratch) -> None:
    """In a sentence."""
    done = scratch.step("expect-no-changes", "staging", PATH="/nowhere")

    assert (done.returncode, "There is no pulumi here: install it" in done.stderr) == (1, True)


def test_a_state_in_r2_is_opened_with_the_r2_token() -> None:
    """Unless the environment has keys for it already, or the state lies elsewhere."""
    assert state_credentials(R2 | STATE) == {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    assert state_credentials(R2 | STATE | {"AWS_ACCESS_KEY_ID": "other"}) == {}
    assert state_credentials(R2 | {"PULUMI_BACKEND_URL": "file:///state"}) == {}
    assert state_credentials(R2) == {}


def test_each_command_gets_the_keys_of_the_state(scratch: Scratch, pulumi: PulumiCommand) -> None:
    """Making a stack, bringing it up, looking at it."""
    scratch.step("deploy", "staging", PATH=pulumi.path, **R2, **STATE)
    scratch.step("summary", "staging", PATH=pulumi.path, **R2, **STATE)

    assert [environ for _, environ in pulumi.calls] == [{"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}] * 3


def test_pulumi_asks_the_policies_that_there_are(scratch: Scratch, pulumi: PulumiCommand) -> None:
    """A stack's own settings are used because they are there, not because of its name."""
    folder = scratch.folder / "infra" / "policy_pack"
    shutil.move(folder / "staging.json", folder / "production.json")

    scratch.step("deploy", "production", PATH=pulumi.path)

    assert pulumi.calls[-1][0][-1] == "infra/policy_pack/production.json"
