"""The pulumi command is called on the right stack, under the policies, with the keys that it needs."""

import shutil

import psycopg
import pytest

from infra.pipeline.engine import state_credentials
from schemas.migrations import PERMANENT, read_migrations
from tests.infra.pipeline.conftest import Scratch, Surroundings
from tests.support.pulumi_command import PulumiCommand
from tests.support.servers import Postgres

R2 = {"CLOUDFLARE_R2_ACCESS_KEY_ID": "id", "CLOUDFLARE_R2_SECRET_ACCESS_KEY": "key"}
STATE = {"PULUMI_BACKEND_URL": "s3://state?endpoint=https://r2.example.org"}


@pytest.fixture
def deployer(pulumi: PulumiCommand, surroundings: Surroundings) -> dict[str, str]:
    """Return an environment that can deploy both Cloudflare stacks."""
    for stack in ("staging", "production"):
        surroundings.tell(pulumi, stack)
    return {"PATH": pulumi.path, **surroundings.environ}


def test_a_deployment_makes_the_stack_and_holds_to_the_policies(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """A first deployment creates the stack, runs the preflight checks, and uses staging's own policy settings."""
    done = scratch.step("deploy", "staging", **deployer)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "The stack staging is ready to deploy." in done.stdout
    assert [words for words, _ in pulumi.calls] == [
        ["stack", "select", "staging", "--create", "--non-interactive"],
        ["version"],
        ["config", "--json", "--show-secrets", "--stack", "staging", "--non-interactive"],
        [
            *("up", "--yes", "--policy-pack", "infra/policy_pack"),
            *("--policy-pack-config", "infra/policy_pack/staging.json", "--stack", "staging", "--non-interactive"),
        ],
    ]


def test_a_deployment_migrates_the_permanent_side_where_the_way_is_given(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str], postgres: Postgres
) -> None:
    """Missing migrations are applied first, once, and the connection string is not shown."""
    database = postgres.fresh_database()

    done = [scratch.step("deploy", "staging", SUPABASE_DB_URL=database, **deployer) for _ in range(2)]

    assert [each.returncode for each in done] == [0, 0], done
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT leadminer.schema_version()").fetchone() == (
            read_migrations(PERMANENT)[-1].id,
        )
    assert database not in "".join(each.stdout + each.stderr for each in done)


def test_a_permanent_side_that_does_not_answer_stops_the_deployment(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """The error names the host but not the password, and nothing is deployed."""
    url = "postgresql://postgres:a-password@127.0.0.1:1/postgres"

    done = scratch.step("deploy", "staging", SUPABASE_DB_URL=url, **deployer)

    assert (done.returncode, "127.0.0.1:1" in done.stderr) == (1, True), done.stderr
    assert "a-password" not in done.stdout + done.stderr
    assert "up" not in [words[0] for words, _ in pulumi.calls]


def test_a_selfhost_deployment_ignores_supabase(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """Deploying to one server ignores SUPABASE_DB_URL."""
    done = scratch.step("deploy", "selfhost", SUPABASE_DB_URL="postgresql://127.0.0.1:1/none", **deployer)

    assert "migrate-permanent" not in done.stdout


def test_production_has_the_policies_as_they_are(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """Production has no policy settings of its own."""
    scratch.step("deploy", "production", **deployer)

    assert pulumi.calls[-1][0][:4] == ["up", "--yes", "--policy-pack", "infra/policy_pack"]
    assert "--policy-pack-config" not in pulumi.calls[-1][0]


def test_what_stands_in_the_way_is_said_and_nothing_made(
    scratch: Scratch, pulumi: PulumiCommand, surroundings: Surroundings, deployer: dict[str, str]
) -> None:
    """All problems are printed at once, each with its fix, and `pulumi up` does not run."""
    surroundings.account.tokens["a-token-of-tests"].may = ("queues", "r2/buckets", "workers/scripts")
    surroundings.account.answers["/rest/v1/rpc/schema_version"] = (401, None)

    done = scratch.step("deploy", "staging", **deployer)

    assert done.returncode == 1
    assert "✗ CLOUDFLARE_API_TOKEN cannot access d1/database.\n    Give it the permission D1: Edit" in done.stdout
    assert "answered 401 to supabaseServiceKey." in done.stdout
    assert (
        "make deploy: staging cannot be deployed until the problems above are fixed. Nothing was deployed."
        in done.stderr
    )
    assert "up" not in [words[0] for words, _ in pulumi.calls]


@pytest.mark.parametrize("there", [True, False])
def test_whoever_is_not_logged_in_is_told(scratch: Scratch, pulumi: PulumiCommand, there: bool) -> None:
    """Without Pulumi, or without a login, the error says what to install and how to log in."""
    pulumi.say("stack", "selfhost", "error: PULUMI_ACCESS_TOKEN must be set for login", code=255)

    done = scratch.step("deploy", "selfhost", PATH=pulumi.path if there else "/nowhere")

    assert done.returncode == 1
    assert ("must be set for login" in done.stdout, "The command pulumi was not found" in done.stderr) == (
        there,
        not there,
    )
    assert "`pulumi login`" in done.stderr
    assert "also set PULUMI_CONFIG_PASSPHRASE. Each step is in docs/self-host.md." in done.stderr


def test_changes_that_are_left_fail(scratch: Scratch, pulumi: PulumiCommand) -> None:
    """If changes are left, the step fails and shows Pulumi's output."""
    pulumi.say("preview", "production", "error: no changes were expected", code=255)

    done = scratch.step("expect-no-changes", "production", PATH=pulumi.path)

    assert (done.returncode, "no changes were expected" in done.stdout) == (1, True)
    assert pulumi.calls[-1][0] == [
        *("preview", "--expect-no-changes", "--diff", "--stack", "production", "--non-interactive"),
    ]


@pytest.mark.parametrize("arguments", [[], ["staging", "production"]])
def test_one_stack_is_wanted(scratch: Scratch, pulumi: PulumiCommand, arguments: list[str]) -> None:
    """With no stack, or more than one, the error lists the stacks."""
    done = scratch.step("deploy", *arguments, PATH=pulumi.path)

    assert done.returncode == 1
    assert "make deploy: Name one stack, such as STACK=staging. Stacks: staging, selfhost, production" in done.stderr
    assert pulumi.calls == []


def test_without_pulumi_it_is_told(scratch: Scratch) -> None:
    """Without Pulumi, the error says to install it."""
    done = scratch.step("expect-no-changes", "staging", PATH="/nowhere")

    assert (done.returncode, "The command pulumi was not found: install it" in done.stderr) == (1, True)


def test_a_state_in_r2_is_opened_with_the_r2_token() -> None:
    """The R2 keys open a state in R2, unless other keys are set or the state is elsewhere."""
    assert state_credentials(R2 | STATE) == {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}
    assert state_credentials(R2 | STATE | {"AWS_ACCESS_KEY_ID": "other"}) == {}
    assert state_credentials(R2 | {"PULUMI_BACKEND_URL": "file:///state"}) == {}
    assert state_credentials(R2) == {}


def test_each_command_gets_the_keys_of_the_state(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """Every pulumi command of deploy and summary gets the keys of the state's bucket."""
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}

    scratch.step("deploy", "staging", **deployer, **R2, **STATE)
    scratch.step("summary", "staging", **deployer, **R2, **STATE)

    called = ["stack", "version", "config", "up", "stack"]
    assert [(words[0], environ) for words, environ in pulumi.calls] == [(word, keys) for word in called]


def test_pulumi_asks_the_policies_that_there_are(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """A stack's policy settings are used because the file exists, not because of the stack's name."""
    folder = scratch.folder / "infra" / "policy_pack"
    shutil.move(folder / "staging.json", folder / "production.json")

    scratch.step("deploy", "production", **deployer)

    assert "infra/policy_pack/production.json" in pulumi.calls[-1][0]
