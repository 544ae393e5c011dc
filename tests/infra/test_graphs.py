"""What each stack declares: as reviewed, within the rules, without a secret in the clear."""

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
"""By path and property, where production may differ from staging, besides the ending of its names."""


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_declares_what_was_reviewed(stack: str) -> None:
    """The graph is the golden one; after a change: `make golden`, and look at the diff."""
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
    """Every predicate holds; staging alone may lose its data."""
    found = violations(declared(stack).resources, Expectation(protected=stack != "staging"))

    assert found == []


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_leaves_its_wrapping(stack: str) -> None:
    """Secrets that were given or made are marked in every input and output, and never logged."""
    graph = declared(stack)

    assert CANARY not in graph.printed + graph.logged
    assert "[secret]" in graph.printed


def test_production_is_staging_but_for_names_sizes_and_protection() -> None:
    """What was tried in staging is what runs in production; with staging's ending, its names are staging's."""
    production, staging = declared("production").golden, declared("staging").golden
    renamed = json.loads(re.sub(r"\b(mining-[a-z]+)-prod\b", r"\1-staging", json.dumps(production)))

    different = set(find_differences(renamed, staging))

    assert "-prod" not in json.dumps(renamed)
    assert different == SIZES | PROTECTION


def find_differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield where two graphs of the same resources differ; of an environment, in which variables."""
    assert one.keys() == other.keys()
    for path, resource in one.items():
        assert resource["type"] == other[path]["type"]
        for part in ("inputs", "options"):
            mine, theirs = resource[part], other[path][part]
            for name in mine.keys() | theirs.keys():
                if mine.get(name) != theirs.get(name):
                    yield from ((path, f"{part}.{name}{which}") for which in _which(mine.get(name), theirs.get(name)))


def _which(one: Any, other: Any) -> set[str]:
    """Return the variables in which two environments differ; what is none of them differs as a whole."""
    if not (isinstance(one, list) and isinstance(other, list)) or len(one) != len(other):
        return {""}
    if not all(isinstance(each, str) and "=" in each for each in {*one} ^ {*other}):
        return {""}
    return {f" {each.partition('=')[0]}" for each in {*one} ^ {*other}}


@pytest.mark.parametrize(("stack", "environment"), [("production", "prod"), ("staging", "staging")])
def test_names_are_those_that_people_look_for(stack: str, environment: str) -> None:
    """Worker, database, bucket and queues have the names of the design."""
    outputs = declared(stack).outputs

    assert outputs["worker"] == f"mining-workers-{environment}"
    assert outputs["database"] == f"mining-temp-{environment}"
    assert outputs["bucket"] == f"mining-emails-{environment}"
    assert outputs["queues"] == [f"mining-queue-{environment}", f"mining-queue-{environment}-dead"]


def test_the_worker_is_the_bundle() -> None:
    """Every module goes up under its name, with its type, and with the hash of what is in it."""
    bundle = bundle_worker(CHECKOUT, vendor(CHECKOUT / "requirements" / "worker.lock"))

    modules = declared("production").modules

    assert modules == {name: [each.content_type, each.sha256, each.sha256] for name, each in bundle.items()}


def test_the_cost_is_told_in_preview_and_in_outputs() -> None:
    """Dollars a month and for a million messages stand in both."""
    graph = declared("production")

    assert graph.outputs["dollarsAMonth"] == "5.00"
    assert f"${graph.outputs['dollarsPerMillionMessages']} for a further million" in graph.logged


def test_a_server_whose_price_nobody_said_is_not_free() -> None:
    """What is not known is said, with the command that tells it; nothing at all can be told as well."""
    unknown = declared("selfhost")
    free = run_program("selfhost", read_stack("selfhost") | {"leadminer:serverDollars": "0"}, {})

    assert unknown.outputs["dollarsAMonth"] == unknown.outputs["dollarsPerMillionMessages"] == "not known"
    assert "What a month costs is not known: pulumi config set leadminer:serverDollars 20" in unknown.logged
    assert free.outputs["dollarsAMonth"] == "0.00"


def test_a_budget_wants_a_price() -> None:
    """It could not be held otherwise."""
    graph = run_program("selfhost", read_stack("selfhost") | {"leadminer:budgetDollars": "20"}, {})

    assert "leadminer:serverDollars is missing (since budgetDollars is set)" in graph.error
    assert graph.graph == {}


def test_a_stack_above_its_budget_is_not_declared() -> None:
    """The preview fails with what it would cost and what to do, before anything is declared."""
    config = read_stack("selfhost") | {"leadminer:serverDollars": "30", "leadminer:budgetDollars": "20"}

    graph = run_program("selfhost", config, {})

    assert graph.error.startswith("A month would cost $30.00, and leadminer:budgetDollars is $20.00")
    assert graph.graph == {}


def test_without_a_fetcher_there_is_no_docker_host() -> None:
    """`fetcher: none` leaves the container out, and needs none of its secrets."""
    account = {name: value for name, value in ACCOUNT.items() if name != "leadminer:fetcherHost"}
    config = read_stack("staging") | account | {"leadminer:fetcher": "none"}

    graph = run_program("staging", config, {f"leadminer:{SECRETS[0]}": CANARY})

    assert graph.error == ""
    assert not [path for path, each in graph.graph.items() if each["type"].startswith("docker:")]


def test_a_domain_switches_workers_dev_off() -> None:
    """With a host name of one's own, the Worker answers there alone."""
    account = {name: value for name, value in ACCOUNT.items() if name != "leadminer:workersSubdomain"}
    domain = {"leadminer:domain": "processor.example.org", "leadminer:zoneId": "f" * 32, "leadminer:fetcher": "none"}

    graph = run_program("staging", read_stack("staging") | account | domain, {f"leadminer:{SECRETS[0]}": CANARY})

    assert graph.graph["cloudflare/processor/subdomain"]["inputs"]["enabled"] is False
    assert graph.graph["cloudflare/processor/domain"]["inputs"]["hostname"] == "processor.example.org"
    assert graph.outputs["processorUrl"] == "https://processor.example.org"


def test_every_image_can_be_replaced_by_a_setting() -> None:
    """Ids of local images are used as they are, without pulling or building."""
    names = ("imagePostgres", "imageRedis", "imageProcessor", "imageFetcher")
    chosen = {name: f"sha256:{number:064x}" for number, name in enumerate(names)}
    config = read_stack("selfhost") | {f"leadminer:{name}": value for name, value in chosen.items()}

    graph = run_program("selfhost", config, {})

    containers = [each["inputs"] for each in graph.graph.values() if each["type"].endswith(":Container")]
    assert {each["image"] for each in containers} == set(chosen.values())
    assert not [each for each in graph.graph.values() if each["type"].endswith(("Image", "RemoteImage"))]


def test_images_of_the_table_have_digests() -> None:
    """Tag and digest are both given for what is pulled."""
    assert [name for name, image in IMAGES.items() if ":" not in image.tag or len(image.digest) != 71] == []


def test_nothing_starts_before_what_it_needs() -> None:
    """Databases wait for the server, migrations for them, processors for migrations, the fetcher for processors."""
    graph = declared("selfhost").graph

    def after(path: str) -> list[str]:
        depends: list[str] = graph[f"selfhost/{path}"]["options"]["dependsOn"]
        return depends

    assert "selfhost/postgres/server" in after("postgres/databases")
    assert {"selfhost/postgres/databases", "selfhost/redis/server"} <= set(after("processors/migrations"))
    assert "selfhost/processors/migrations" in after("processors/processor-2")
    assert {"selfhost/processors/processor-1", "selfhost/processors/processor-2"} <= set(after("fetcher/server"))


def test_a_secret_that_is_configured_in_the_clear_is_refused() -> None:
    """As `pulumi config set` without `--secret` leaves it."""
    config = read_stack("staging") | ACCOUNT | {f"leadminer:{name}": CANARY for name in SECRETS}

    graph = run_program("staging", config, {})

    assert all(f"leadminer:{name} stands in the clear" in graph.error for name in SECRETS)
    assert CANARY not in graph.error
    assert graph.graph == {}
