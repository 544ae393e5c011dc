"""How Pulumi's command is called: on which stack, under the policies, with the keys that it needs."""

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
    """Return the environment of someone who may deploy both of Cloudflare's stacks."""
    for stack in ("staging", "production"):
        surroundings.tell(pulumi, stack)
    return {"PATH": pulumi.path, **surroundings.environ}


def test_a_deployment_makes_the_stack_and_holds_to_the_policies(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """A first deployment needs no other command, looks first, and staging has its own settings of the policies."""
    done = scratch.step("deploy", "staging", **deployer)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing stands in the way of staging." in done.stdout
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
    """What is missing is applied, once, before anything else; the credential is not shown."""
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
    """In a sentence, with the host and without the password; nothing is made."""
    url = "postgresql://postgres:a-password@127.0.0.1:1/postgres"

    done = scratch.step("deploy", "staging", SUPABASE_DB_URL=url, **deployer)

    assert (done.returncode, "127.0.0.1:1" in done.stderr) == (1, True), done.stderr
    assert "a-password" not in done.stdout + done.stderr
    assert "up" not in [words[0] for words, _ in pulumi.calls]


def test_a_server_of_ones_own_is_left_to_its_own_migrations(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """Whatever the environment says of Supabase."""
    done = scratch.step("deploy", "selfhost", SUPABASE_DB_URL="postgresql://127.0.0.1:1/none", **deployer)

    assert "migrate-permanent" not in done.stdout


def test_production_has_the_policies_as_they_are(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """Nothing is softened there."""
    scratch.step("deploy", "production", **deployer)

    assert pulumi.calls[-1][0][:4] == ["up", "--yes", "--policy-pack", "infra/policy_pack"]
    assert "--policy-pack-config" not in pulumi.calls[-1][0]


def test_what_stands_in_the_way_is_said_and_nothing_made(
    scratch: Scratch, pulumi: PulumiCommand, surroundings: Surroundings, deployer: dict[str, str]
) -> None:
    """Each with its fix, all at once, and no `pulumi up` is begun."""
    surroundings.account.tokens["a-token-of-tests"].may = ("queues", "r2/buckets", "workers/scripts")
    surroundings.account.answers["/rest/v1/rpc/schema_version"] = (401, None)

    done = scratch.step("deploy", "staging", **deployer)

    assert done.returncode == 1
    assert "✗ CLOUDFLARE_API_TOKEN may not read d1/database.\n    Give it the permission D1: Edit" in done.stdout
    assert "answers 401 to supabaseServiceKey." in done.stdout
    assert "make deploy: What stands in the way of staging is said above; nothing was made." in done.stderr
    assert "up" not in [words[0] for words, _ in pulumi.calls]


@pytest.mark.parametrize("there", [True, False])
def test_whoever_is_not_logged_in_is_told(scratch: Scratch, pulumi: PulumiCommand, there: bool) -> None:
    """A fresh clone, where nobody has told Pulumi yet where to keep its state, or there is none."""
    pulumi.say("stack", "selfhost", "error: PULUMI_ACCESS_TOKEN must be set for login", code=255)

    done = scratch.step("deploy", "selfhost", PATH=pulumi.path if there else "/nowhere")

    assert done.returncode == 1
    assert ("must be set for login" in done.stdout, "There is no pulumi here" in done.stderr) == (there, not there)
    assert "`pulumi login`" in done.stderr
    assert "PULUMI_CONFIG_PASSPHRASE: docs/self-host.md" in done.stderr


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


def test_each_command_gets_the_keys_of_the_state(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """Making a stack, looking whether anything stands in its way, bringing it up, listing it."""
    keys = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "key"}

    scratch.step("deploy", "staging", **deployer, **R2, **STATE)
    scratch.step("summary", "staging", **deployer, **R2, **STATE)

    called = ["stack", "version", "config", "up", "stack"]
    assert [(words[0], environ) for words, environ in pulumi.calls] == [(word, keys) for word in called]


def test_pulumi_asks_the_policies_that_there_are(
    scratch: Scratch, pulumi: PulumiCommand, deployer: dict[str, str]
) -> None:
    """A stack's own settings are used because they are there, not because of its name."""
    folder = scratch.folder / "infra" / "policy_pack"
    shutil.move(folder / "staging.json", folder / "production.json")

    scratch.step("deploy", "production", **deployer)

    assert "infra/policy_pack/production.json" in pulumi.calls[-1][0]
