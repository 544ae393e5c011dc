"""Each stack declares what was reviewed, follows the rules, and shows no secret."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.bundle import bundle_worker
from infra.docker.images import IMAGES
from infra.predicates import CONTAINER, Expectation, violations
from infra.vendored import vendor
from tests.infra.golden import FOLDER
from tests.support.pulumi.docker_container import Container
from tests.support.stacks import ACCOUNT, CANARY, CHECKOUT, SECRETS, STACKS, declared, read_stack, run_program

SIZES = {
    ("cloudflare/fetcher-host/fetcher/server", "inputs.cpus"),
    ("cloudflare/fetcher-host/fetcher/server", "inputs.envs SERVE_MININGS"),
    ("cloudflare/fetcher-host/fetcher/server", "inputs.memory"),
    ("cloudflare/fetcher-host/fetcher/server", "inputs.memorySwap"),
}
PROTECTION = {
    ("cloudflare/mining-database/database", "options.protect"),
    ("cloudflare/mining-database/database", "options.retainOnDelete"),
    ("cloudflare/raw-bucket/bucket", "options.protect"),
    ("cloudflare/raw-bucket/bucket", "options.retainOnDelete"),
}
"""The paths and properties in which production may differ from staging, besides its names."""


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_declares_what_was_reviewed(stack: str) -> None:
    """The graph equals the golden file. After a change, run `make golden` and review the diff."""
    golden = json.loads((FOLDER / f"{stack}.json").read_text("utf-8"))

    assert declared(stack).golden == golden


@pytest.mark.parametrize("stack", STACKS)
def test_docker_reads_back_what_is_declared(stack: str) -> None:
    """No container is spelled otherwise than Docker's provider reads it, which would replace it at each `up`."""
    containers = {
        path: resource["inputs"] for path, resource in declared(stack).golden.items() if resource["type"] == CONTAINER
    }

    assert containers
    assert {path: Container(None).read_back(inputs) for path, inputs in containers.items()} == containers


@pytest.mark.parametrize("stack", STACKS)
def test_a_container_is_deleted_before_its_successor_is_created(stack: str) -> None:
    """Containers have fixed names, which Docker gives once."""
    options = [each["options"] for each in declared(stack).golden.values() if each["type"] == CONTAINER]

    assert options
    assert all(each["deleteBeforeReplace"] for each in options)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_breaks_no_rule(stack: str) -> None:
    """Every stack passes all predicates; only staging need not protect its data."""
    found = violations(declared(stack).resources, Expectation(protected=stack != "staging"))

    assert found == []


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_leaves_its_wrapping(stack: str) -> None:
    """All secrets, given or generated, are marked in every input and output, and never logged."""
    graph = declared(stack)

    assert CANARY not in graph.printed + graph.logged
    assert "[secret]" in graph.printed


def test_production_is_staging_but_for_names_sizes_and_protection() -> None:
    """Production differs from staging only in names, sizes and protection."""
    production, staging = declared("production").golden, declared("staging").golden
    renamed = json.loads(re.sub(r"\b(mining-[a-z]+)-prod\b", r"\1-staging", json.dumps(production)))

    different = set(find_differences(renamed, staging))

    assert "-prod" not in json.dumps(renamed)
    assert different == SIZES | PROTECTION


def find_differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the paths and properties in which two graphs differ, with the variable for environments."""
    assert one.keys() == other.keys()
    for path, resource in one.items():
        assert resource["type"] == other[path]["type"]
        for part in ("inputs", "options"):
            mine, theirs = resource[part], other[path][part]
            for name in mine.keys() | theirs.keys():
                if mine.get(name) != theirs.get(name):
                    yield from ((path, f"{part}.{name}{which}") for which in _which(mine.get(name), theirs.get(name)))


def _which(one: Any, other: Any) -> set[str]:
    """Return the variables in which two environments differ; other values differ as a whole."""
    if not (isinstance(one, list) and isinstance(other, list)) or len(one) != len(other):
        return {""}
    if not all(isinstance(each, str) and "=" in each for each in {*one} ^ {*other}):
        return {""}
    return {f" {each.partition('=')[0]}" for each in {*one} ^ {*other}}


@pytest.mark.parametrize(("stack", "environment"), [("production", "prod"), ("staging", "staging")])
def test_names_are_those_that_people_look_for(stack: str, environment: str) -> None:
    """The Worker, database, bucket and queues have their documented names."""
    outputs = declared(stack).outputs

    assert outputs["worker"] == f"mining-workers-{environment}"
    assert outputs["database"] == f"mining-temp-{environment}"
    assert outputs["bucket"] == f"mining-emails-{environment}"
    assert outputs["queues"] == [f"mining-queue-{environment}", f"mining-queue-{environment}-dead"]


def test_the_worker_is_the_bundle() -> None:
    """Every module is uploaded under its name, with its type and the hash of its content."""
    bundle = bundle_worker(CHECKOUT, vendor(CHECKOUT / "requirements" / "worker.lock"))

    modules = declared("production").modules

    assert modules == {name: [each.content_type, each.sha256, each.sha256] for name, each in bundle.items()}


def test_the_cost_is_told_in_preview_and_in_outputs() -> None:
    """The cost per month and per million messages is in the outputs and the preview."""
    graph = declared("production")

    assert graph.outputs["dollarsAMonth"] == "5.00"
    assert f"${graph.outputs['dollarsPerMillionMessages']} per further million" in graph.logged


def test_a_server_whose_price_nobody_said_is_not_free() -> None:
    """Without serverDollars the cost is unknown, and the log has the command that sets it; it may be 0."""
    unknown = declared("selfhost")
    free = run_program("selfhost", read_stack("selfhost") | {"leadminer:serverDollars": "0"}, {})

    assert unknown.outputs["dollarsAMonth"] == unknown.outputs["dollarsPerMillionMessages"] == "not known"
    assert "The monthly cost is not known: pulumi config set leadminer:serverDollars 20" in unknown.logged
    assert free.outputs["dollarsAMonth"] == "0.00"


def test_a_budget_wants_a_price() -> None:
    """A budget for one server requires serverDollars."""
    graph = run_program("selfhost", read_stack("selfhost") | {"leadminer:budgetDollars": "20"}, {})

    assert "leadminer:serverDollars is missing (because budgetDollars is set)" in graph.error
    assert graph.graph == {}


def test_a_stack_above_its_budget_is_not_declared() -> None:
    """A stack above its budget fails with its cost before it declares anything."""
    config = read_stack("selfhost") | {"leadminer:serverDollars": "30", "leadminer:budgetDollars": "20"}

    graph = run_program("selfhost", config, {})

    assert graph.error.startswith("The stack would cost $30.00 per month, but leadminer:budgetDollars is $20.00")
    assert graph.graph == {}


def test_without_a_fetcher_there_is_no_docker_host() -> None:
    """With `fetcher: none`, there is no container, and its secrets are not required."""
    account = {name: value for name, value in ACCOUNT.items() if name != "leadminer:fetcherHost"}
    config = read_stack("staging") | account | {"leadminer:fetcher": "none"}

    graph = run_program("staging", config, {f"leadminer:{SECRETS[0]}": CANARY})

    assert graph.error == ""
    assert not [path for path, each in graph.graph.items() if each["type"].startswith("docker:")]


def test_a_domain_switches_workers_dev_off() -> None:
    """With a custom domain, the Worker answers only there."""
    account = {name: value for name, value in ACCOUNT.items() if name != "leadminer:workersSubdomain"}
    domain = {"leadminer:domain": "processor.example.org", "leadminer:zoneId": "f" * 32, "leadminer:fetcher": "none"}

    graph = run_program("staging", read_stack("staging") | account | domain, {f"leadminer:{SECRETS[0]}": CANARY})

    assert graph.graph["cloudflare/processor/subdomain"]["inputs"]["enabled"] is False
    assert graph.graph["cloudflare/processor/domain"]["inputs"]["hostname"] == "processor.example.org"
    assert graph.outputs["processorUrl"] == "https://processor.example.org"


@pytest.mark.parametrize("jurisdiction", ["eu", "us"])
def test_a_jurisdiction_holds_for_everything_that_keeps_data(jurisdiction: str) -> None:
    """The database, the bucket and both queues are in it, and the Worker finds the bucket there."""
    config = read_stack("staging") | ACCOUNT | {"leadminer:jurisdiction": jurisdiction}
    secrets = {f"leadminer:{name}": f"{CANARY}-{name}" for name in SECRETS}

    graph = run_program("staging", config, secrets)

    assert graph.error == ""
    places = {
        path: each["inputs"]["jurisdiction"] for path, each in graph.graph.items() if "jurisdiction" in each["inputs"]
    }
    assert set(places.values()) == {jurisdiction}
    assert {path.rpartition("/")[2] for path in places} == {"bucket", "database", "dead-queue", "lifecycle", "queue"}
    bindings = graph.graph["cloudflare/processor/script"]["inputs"]["bindings"]
    assert [each["jurisdiction"] for each in bindings if "jurisdiction" in each] == [jurisdiction]
    assert f".{jurisdiction}.r2.cloudflarestorage.com" in json.dumps(graph.outputs)


def test_the_worker_runs_next_to_its_database() -> None:
    """The Worker is placed by what it asks, not by who calls it."""
    assert declared("production").graph["cloudflare/processor/script"]["inputs"]["placement"] == {"mode": "smart"}


def test_every_image_can_be_replaced_by_a_setting() -> None:
    """Each image can be a local image's id, which is used without pulling or building."""
    names = ("imagePostgres", "imageRedis", "imageProcessor", "imageFetcher")
    chosen = {name: f"sha256:{number:064x}" for number, name in enumerate(names)}
    config = read_stack("selfhost") | {f"leadminer:{name}": value for name, value in chosen.items()}

    graph = run_program("selfhost", config, {})

    containers = [each["inputs"] for each in graph.graph.values() if each["type"].endswith(":Container")]
    assert {each["image"] for each in containers} == set(chosen.values())
    assert not [each for each in graph.graph.values() if each["type"].endswith(("Image", "RemoteImage"))]


def test_images_of_the_table_have_digests() -> None:
    """Every image in the table has a tag and a digest."""
    assert [name for name, image in IMAGES.items() if ":" not in image.tag or len(image.digest) != 71] == []


def test_nothing_starts_before_what_it_needs() -> None:
    """The start order is: server, databases, migrations, processors, fetcher."""
    graph = declared("selfhost").graph

    def after(path: str) -> list[str]:
        depends: list[str] = graph[f"selfhost/{path}"]["options"]["dependsOn"]
        return depends

    assert "selfhost/postgres/server" in after("postgres/databases")
    assert {"selfhost/postgres/databases", "selfhost/redis/server"} <= set(after("processors/migrations"))
    assert "selfhost/processors/migrations" in after("processors/processor-2")
    assert {"selfhost/processors/processor-1", "selfhost/processors/processor-2"} <= set(after("fetcher/server"))


def test_a_secret_that_is_configured_in_the_clear_is_refused() -> None:
    """A secret that was set without `--secret` is refused."""
    config = read_stack("staging") | ACCOUNT | {f"leadminer:{name}": CANARY for name in SECRETS}

    graph = run_program("staging", config, {})

    assert all(f"leadminer:{name} is in plain text" in graph.error for name in SECRETS)
    assert CANARY not in graph.error
    assert graph.graph == {}


@pytest.mark.parametrize("stack", STACKS)
def test_a_rotation_reaches_processors_and_the_fetcher(stack: str) -> None:
    """With `processorTokenPrevious` set, those who check tokens get one more secret, which is not shown."""
    secrets = {f"leadminer:{name}": f"{CANARY}-{name}" for name in ("processorTokenPrevious", *SECRETS)}
    config, before = read_stack(stack), declared(stack).golden
    if config["leadminer:mode"] == "cloudflare":
        config |= ACCOUNT
    else:
        secrets = {name: secrets[name] for name in ["leadminer:processorTokenPrevious"]}

    graph = run_program(stack, config, secrets)

    changed = {path for path, each in graph.golden.items() if each != before[path]}
    assert {"fetcher" in path for path in changed} == {True, False}
    assert all("/processor" in path or path.endswith("fetcher/server") for path in changed)
    assert [json.dumps(graph.golden[path]).count("[secret]") for path in changed] == [
        json.dumps(before[path]).count("[secret]") + 1 for path in changed
    ]
    assert CANARY not in graph.printed + graph.logged
