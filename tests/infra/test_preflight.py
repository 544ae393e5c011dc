"""`make preflight` reports every problem at once, each with its fix, and changes nothing."""

import datetime
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config import judge
from infra.docker.images import IMAGES
from infra.preflight import __main__ as preflight
from infra.preflight.needs import needs_of_fetcher, needs_of_server
from tests.infra.test_config import CLOUDFLARE, ENVIRONMENT, SELFHOST
from tests.support.cloudflare_account import ACCOUNT, CloudflareAccount, Token
from tests.support.commands import Commands
from tests.support.stacks import CHECKOUT, declared

INFO = {
    "MemTotal": 8 * 1024**3,
    "NCPU": 4,
    "DockerRootDir": "/nowhere",
    "ServerVersion": "28.1.0",
}
MAJOR = re.search(r"postgres:(\d+)", IMAGES["imagePostgres"].tag)[1]  # type: ignore[index]


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """Put stand-in commands on PATH: a stack on one server, not deployed yet, and a Docker host with room for it."""
    made = Commands(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    made.configure(SELFHOST | {"publishPort": "18099"})
    now = datetime.datetime.now(datetime.UTC)
    made.answer("docker", "info ", INFO | {"SystemTime": f"{now:%Y-%m-%dT%H:%M:%S}.1Z"})
    made.answer("docker", "ps ")
    made.answer("docker", "container inspect", "Error: No such container", code=1)
    made.answer("docker", "image inspect", "Error: No such image", code=1)
    return made


def run(capsys: pytest.CaptureFixture[str], stack: str = "selfhost") -> tuple[int, str]:
    code = preflight.main([stack])
    return code, capsys.readouterr().out


def test_where_all_is_well_it_says_so(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    """A check that is not possible from here is reported, but does not stop a deployment."""
    code, said = run(capsys)

    assert code == 0
    assert said.startswith("i Cannot see from here how much disk space is free below /nowhere.")
    assert said.endswith("The stack selfhost is ready to deploy.\n")


def test_everything_is_said_at_once(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    """Problems of settings and host are reported together, each with its fix below it."""
    commands.configure(SELFHOST | {"size": "huge", "nonsense": "1"})
    commands.answer("docker", "info ", json.loads(commands.tables["docker"]["info "][1]) | {"MemTotal": 0, "NCPU": 0})

    code, said = run(capsys)

    assert code == 1
    found = re.findall(r"^✗ (.*)\n    (\S.*)$", said, re.MULTILINE)
    assert [problem.split(" ")[0] for problem, _ in found] == ["leadminer:nonsense", "leadminer:size", "The", "A"]
    assert found[0][1] == "pulumi config rm leadminer:nonsense"
    assert found[1][1] == "pulumi config set leadminer:size small"


def test_without_pulumi_nothing_can_be_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without Pulumi, the only finding says how to get it."""
    monkeypatch.setenv("PATH", str(tmp_path))

    code, said = run(capsys)

    assert code == 1
    assert "The command pulumi was not found" in said
    assert "Install Pulumi" in said


def test_a_stack_that_is_not_there_is_said(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing stack is reported with the command that creates it."""
    commands.answer("pulumi", "config --json", "error: no stack named 'other' found", code=1)

    code, said = run(capsys, "other")

    assert code == 1
    assert "no stack named 'other' found" in said
    assert "`pulumi stack init other`" in said


def test_the_settings_are_the_programs(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown mode is reported with the program's own message."""
    commands.configure({"mode": "aws"})

    code, said = run(capsys)

    assert code == 1
    assert "✗ leadminer:mode is 'aws', not one of cloudflare, postgresql\n" in said


def test_a_secret_in_the_clear_is_found(commands: Commands, capsys: pytest.CaptureFixture[str]) -> None:
    """A secret in plain text is reported, without its value."""
    commands.configure(CLOUDFLARE | {"supabaseServiceKey": "CANARY", "fetcher": "none"})

    code, said = run(capsys, "production")

    assert code == 1
    assert "✗ leadminer:supabaseServiceKey is in plain text" in said
    assert "CANARY" not in said


@pytest.mark.parametrize("arguments", [[], ["one", "two"]])
def test_one_stack_is_named(arguments: list[str]) -> None:
    """A wrong command line returns 2."""
    assert preflight.main(arguments) == 2


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudflareAccount]:
    """Yield a stand-in for Cloudflare and R2, with an environment that points to it."""
    with CloudflareAccount({ENVIRONMENT["CLOUDFLARE_API_TOKEN"]: Token()}) as started:
        started.answers["/mining-emails-prod"] = (404, None)
        for name, value in ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("CLOUDFLARE_BASE_URL", f"{started.url}/client/v4")
        monkeypatch.setenv("CLOUDFLARE_R2_ENDPOINT", started.url)
        yield started


def test_in_cloudflare_all_services_are_asked(
    commands: Commands, account: CloudflareAccount, capsys: pytest.CaptureFixture[str]
) -> None:
    """The account, R2, Supabase and the fetcher's host are all checked, even if one fails."""
    account.tokens.clear()
    account.answers["/mining-emails-prod"] = (403, None)
    commands.configure(CLOUDFLARE | {"accountId": ACCOUNT, "supabaseUrl": "http://127.0.0.1:9"})
    commands.answer("docker", "info ", "Cannot connect", code=1)

    code, said = run(capsys, "production")

    assert code == 1
    problems = re.findall(r"^✗ (.*)$", said, re.MULTILINE)
    beginnings = [
        "CLOUDFLARE_API_TOKEN is not valid",
        "R2 answered 403",
        "Cannot reach Supabase at http://127.0.0.1:9: ",
        "Cannot use the Docker engine",
    ]
    assert len(problems) == len(beginnings)
    assert all(problem.startswith(start) for problem, start in zip(problems, beginnings, strict=True))


@pytest.mark.parametrize(("running", "count"), [(str(int(MAJOR) - 1), 1), (MAJOR, 0)])
def test_another_major_version_is_no_matter_of_an_update(
    commands: Commands, capsys: pytest.CaptureFixture[str], running: str, count: int
) -> None:
    """If the settings ask for another major version of PostgreSQL, the fix is to upgrade first."""
    server = {"Image": "sha256:0", "Config": {"Image": "sha256:0"}}
    commands.answer("docker", "container inspect leadminer-postgres", [server])
    # The stand-in uses the first answer that matches.
    table = commands.tables["docker"]
    table["container inspect"] = table.pop("container inspect")
    table.pop("image inspect")
    commands.answer("docker", "image inspect sha256:0", [{"Config": {"Env": ["PATH=/bin", f"PG_MAJOR={running}"]}}])
    commands.answer("docker", "image inspect", "Error: No such image", code=1)

    code, said = run(capsys)

    assert code == count
    assert said.count(f"PostgreSQL {running} is running, but the settings ask for an image with {MAJOR}.") == count
    assert said.count("make upgrade-postgres STACK=selfhost") == count


def test_what_is_needed_is_what_is_declared() -> None:
    """The needs are the memory of all lasting containers, the highest CPU limit, and the fetcher's name and port."""
    settings, _ = judge("selfhost", SELFHOST, {}, {})
    containers = [
        each["inputs"]
        for each in declared("selfhost").graph.values()
        if each["type"].endswith(":Container") and each["inputs"]["mustRun"]
    ]

    needs = needs_of_server(settings)

    assert needs.memory == sum(each["memory"] for each in containers)
    assert needs.cpus == max(float(each["cpus"]) for each in containers)
    ((fetcher, [port]),) = [(each["name"], each["ports"]) for each in containers if each["ports"]]
    assert (needs.container, needs.port, needs.address) == (fetcher, port["external"], port["ip"])


def test_the_fetchers_host_needs_what_is_declared_for_it() -> None:
    """The fetcher's host needs what its only container declares."""
    settings, _ = judge("production", CLOUDFLARE | {"size": "medium"}, {}, ENVIRONMENT)
    graph = declared("production").graph
    (container,) = [each["inputs"] for each in graph.values() if each["type"].endswith(":Container")]

    needs = needs_of_fetcher(settings)

    assert (needs.memory, needs.container) == (container["memory"], container["name"])


def test_it_is_a_step_of_its_own() -> None:
    """`make preflight STACK=…` runs it."""
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")

    assert "-m infra.pipeline preflight $(" in makefile
