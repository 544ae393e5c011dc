"""`pulumi up --stack selfhost` on a real Docker engine: the stack works, heals, can change, and keeps its data."""

import json
import os
import re
import signal
import time
from pathlib import Path
from uuid import uuid4

from schemas.ledger import Ledger
from tests.stacks.conftest import Note
from tests.support.docker.engine import DockerEngine
from tests.support.house import wait_until
from tests.support.pulumi.selfhost import SelfHost, Service

HEAL_SECONDS = 90.0
LASTING = {"backup", "fetcher", "postgres", "processor-1", "processor-2", "redis"}
_DATABASES = {"postgres", "postgres-mining", "postgres-permanent"}
_PROCESSOR = {"postgres-mining", "postgres-permanent", "processor-token", "redis"}
KNOWS = {
    "backup": _DATABASES,
    "databases": _DATABASES,
    "fetcher": {"processor-token", "redis", "serve-token"},
    "migrations": _PROCESSOR,
    "postgres": {"postgres"},
    "processor-1": _PROCESSOR,
    "processor-2": _PROCESSOR,
    "redis": {"redis"},
}
"""The secrets that each container needs in its environment."""


def test_the_same_mailbox_gives_the_same_contacts(
    service: Service, source: str, expected: dict[str, bytes], stack: SelfHost
) -> None:
    """Mined through the deployed stack, the ledger balances and the exports equal those of the embedded run."""
    report = service.mine("ann", source)

    ledger = Ledger.from_json(report["ledger"])
    assert report["balanced"]
    assert ledger.imbalance() == []
    assert ledger.listed == ledger.fetched > 1000
    assert service.exports("ann") == expected
    assert stack.execute("fetcher", "leadminer", "report", "--user", "ann")[0] == 0


def test_nothing_is_left_to_change(stack: SelfHost, note: Note) -> None:
    """Another `up` changes nothing, and all containers stay healthy."""
    wait_until(stack.is_healthy, seconds=HEAL_SECONDS, look_seconds=0.5)
    stack.expect_no_changes()

    note("selfhost: up, nothing to change", stack.up())

    assert stack.is_healthy()


def test_policies_are_held_against_a_preview(stack: SelfHost) -> None:
    """The stack passes the policy pack, and fails it if its data is not protected."""
    held = ("--policy-pack", "infra/policy_pack")

    passed, refused = stack.preview(*held), stack.preview(*held, protectData="false")

    assert passed.returncode == 0, passed.stdout
    assert refused.returncode != 0
    assert "data-is-kept" in refused.stdout


def test_a_preview_tells_the_cost_and_fails_above_the_budget(stack: SelfHost) -> None:
    """A preview shows the cost, and fails if it is above the budget."""
    within = stack.preview(serverDollars="20", monthlyMessages="500000", budgetDollars="20")
    above = stack.preview(serverDollars="20", monthlyMessages="500000", budgetDollars="19")

    assert within.returncode == 0, within.stdout
    assert "About $20.00 per month for 500,000 messages, $40.00 per further million" in within.stdout + within.stderr
    assert above.returncode != 0
    assert "would cost $20.00 per month, but leadminer:budgetDollars is $19.00" in above.stdout + above.stderr


def test_containers_are_as_hard_as_declared(stack: SelfHost) -> None:
    """Docker reports that no container runs as root, can write its root, has capabilities or lacks limits."""
    found = stack.containers()

    assert set(stack.lasting()) == LASTING
    for name, container in found.items():
        host, config = container.attrs["HostConfig"], container.attrs["Config"]
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", config["User"]), name
        assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False), name
        assert "no-new-privileges:true" in host["SecurityOpt"], name
        assert 0 < host["Memory"] == host["MemorySwap"], name
        assert host["NanoCpus"] > 0, name
        assert "nproc" in {limit["Name"] for limit in host["Ulimits"]}, name
        assert {"max-size", "max-file"} <= host["LogConfig"]["Config"].keys(), name
        assert config["StopTimeout"] >= 30, name
        assert (config["Healthcheck"]["Test"] != ["NONE"]) == (name in LASTING), name
    published = {name: each.attrs["HostConfig"]["PortBindings"] for name, each in found.items()}
    [(fetcher, ports)] = [(name, ports) for name, ports in published.items() if ports]
    assert fetcher == "fetcher"
    assert [bound["HostIp"] for binding in ports.values() for bound in binding] == ["127.0.0.1"]


def test_secrets_stay_where_they_are_needed(stack: SelfHost) -> None:
    """No secret is in plain text in the state, and containers have only the secrets they need, in their environment."""
    exported = json.loads(stack.pulumi.run("stack", "export", "--stack", "selfhost", "--show-secrets"))
    resources = exported["deployment"]["resources"]
    secrets = {
        each["urn"].rpartition("::")[2].removesuffix("-password"): each["outputs"]["result"]
        for each in resources
        if "result" in each.get("outputs", {})
    }
    secrets = {name: json.loads(value["plaintext"]) for name, value in secrets.items()}

    state, found = stack.pulumi.state(), stack.containers()

    assert len(set(secrets.values())) == len(secrets) == len(set().union(*KNOWS.values()))
    assert "ciphertext" in state
    assert not [name for name, secret in secrets.items() if secret in state]
    known = {}
    for name, container in found.items():
        shown = json.loads(json.dumps(container.attrs))
        environment = "\n".join(shown["Config"].pop("Env"))
        assert not [each for each, secret in secrets.items() if secret in json.dumps(shown)], name
        assert not [each for each, secret in secrets.items() if secret in container.logs().decode()], name
        known[name] = {each for each, secret in secrets.items() if secret in environment}
    assert known == KNOWS


def test_what_is_told_to_stop_ends_by_itself(stack: SelfHost, note: Note) -> None:
    """Every container stops by itself in time, without being killed, and starts again."""
    containers = [stack.containers()[name] for name in stack.lasting()]
    began = time.monotonic()

    for container in containers:
        container.stop()

    note("selfhost: all containers stopped, one after another", time.monotonic() - began)
    codes = {name: stack.containers()[name].attrs["State"]["ExitCode"] for name in LASTING}
    for container in containers:
        container.start()
    wait_until(stack.is_healthy, seconds=HEAL_SECONDS, look_seconds=0.5)
    assert codes == dict.fromkeys(LASTING, 0)


def test_what_is_killed_on_the_host_is_there_again(stack: SelfHost, service: Service, source: str, note: Note) -> None:
    """After SIGKILL of every container's process, the stack heals by itself and keeps its data."""
    service.mine("kim", source)
    before = service.exports("kim")
    first = {name: stack.containers()[name].attrs["State"]["Pid"] for name in stack.lasting()}

    for pid in first.values():
        os.kill(pid, signal.SIGKILL)

    def again() -> bool:
        found = stack.containers()
        return (
            all(found[name].attrs["State"]["Pid"] not in (0, pid) for name, pid in first.items()) and stack.is_healthy()
        )

    note("selfhost: healthy after all was killed", wait_until(again, seconds=HEAL_SECONDS, look_seconds=0.5))
    assert service.exports("kim") == before
    assert service.mine("kim", source)["ledger"]["listed"] == 0


def test_a_change_replaces_services_and_loses_no_data(
    stack: SelfHost, service: Service, source: str, note: Note
) -> None:
    """Another size and new code replace the containers, even during a mining, and every message is counted once."""
    service.mine("lou", source)
    before, old = service.exports("lou"), stack.containers()
    service.start("max", source)
    stack.configure({"size": "medium"})
    with (stack.project / "services" / "fetcher" / "ports.py").open("a") as file:
        file.write("\n# another version\n")

    note("selfhost: up, size and code changed", stack.up())

    new = stack.containers()
    assert all(new[name].id != old[name].id for name in stack.lasting())
    assert new["fetcher"].attrs["Image"] != old["fetcher"].attrs["Image"]
    assert service.exports("lou") == before
    assert service.mine("lou", source)["ledger"]["listed"] == 0
    service.mine("max", source)
    assert service.exports("max") == before
    stack.expect_no_changes()


def test_destroy_respects_protection(
    tmp_path: Path, docker_engine: DockerEngine, images: dict[str, str], stack: SelfHost, note: Note
) -> None:
    """`pulumi destroy` is refused, and changes nothing, until protectData is false."""
    built = {
        f"image{name.capitalize()}": stack.containers()[each].attrs["Image"]
        for name, each in (("fetcher", "fetcher"), ("processor", "processor-1"))
    }
    other = SelfHost(tmp_path, docker_engine, images | built | {"processors": "1"}, prefix=f"lm-{uuid4().hex[:8]}")
    note("selfhost: up, from finished images", other.up())

    refused = other.pulumi.try_run("destroy", "--stack", "selfhost", "--yes")

    assert refused.returncode != 0
    assert "protect" in refused.stdout + refused.stderr
    volumes = [each.name for each in docker_engine.client.volumes.list() if each.name.startswith(other.prefix)]
    assert {other.volume("postgres"), other.volume("redis"), other.volume("raw")} <= set(volumes)
    assert other.is_healthy()
    other.expect_no_changes()
    other.configure({"protectData": "false"})
    other.up("--skip-preview")
    other.pulumi.run("destroy", "--stack", "selfhost", "--yes")
    assert other.containers() == {}
    assert [each for each in docker_engine.client.volumes.list() if each.name.startswith(other.prefix)] == []
