"""Each predicate finds its violation in a stack that is otherwise sound."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from infra.predicates import OF_MARKED_SECRETS, PREDICATES, SECRET, Expectation, Resource, violations

DIGEST = "sha256:" + "0" * 64
CONTAINER = Resource(
    "server",
    "docker:index/container:Container",
    {
        "name": "leadminer-processor-1",
        "image": DIGEST,
        "user": "10001:10001",
        "readOnly": True,
        "privileged": False,
        "capabilities": {"drops": ["ALL"]},
        "securityOpts": ["no-new-privileges:true"],
        "memory": 128,
        "memorySwap": 128,
        "cpus": "1",
        "ulimits": [{"name": "nproc", "soft": 64, "hard": 64}],
        "logOpts": {"max-size": "10m"},
        "stopTimeout": 30,
        "healthcheck": {"tests": ["CMD", "true"]},
        "restart": "unless-stopped",
        "mustRun": True,
        "ports": [],
        "envs": ["STORAGE_MODE=postgresql", SECRET],
        "command": ["processor"],
    },
)
IMAGE = Resource("image", "docker:index/remoteImage:RemoteImage", {"name": f"redis:8@{DIGEST}"})
VOLUME = Resource("volume", "docker:index/volume:Volume", {"name": "data"}, protect=True, retain=True)
QUEUE = Resource("queue", "cloudflare:index/queue:Queue", {"queueName": "q", "queueId": "1"})
DEAD = Resource("dead", "cloudflare:index/queue:Queue", {"queueName": "q-dead", "queueId": "2"})
SETTINGS = {"batchSize": 1, "maxConcurrency": 1, "maxRetries": 1, "maxWaitTimeMs": 1, "retryDelay": 1}
CONSUMER = Resource(
    "consumer",
    "cloudflare:index/queueConsumer:QueueConsumer",
    {"queueId": "1", "deadLetterQueue": "q-dead", "settings": SETTINGS},
)
DEAD_CONSUMER = Resource(
    "dead-consumer", "cloudflare:index/queueConsumer:QueueConsumer", {"queueId": "2", "settings": SETTINGS}
)
SCRIPT = Resource(
    "script",
    "cloudflare:index/workersScript:WorkersScript",
    {"bindings": [{"name": "PROCESSOR_TOKEN", "type": "secret_text", "text": SECRET}]},
)
SOUND = (CONTAINER, IMAGE, VOLUME, QUEUE, DEAD, CONSUMER, DEAD_CONSUMER, SCRIPT)


def changed(resource: Resource, **properties: Any) -> Resource:
    return replace(resource, properties={**resource.properties, **properties})


def test_a_sound_stack_breaks_no_rule() -> None:
    """The sound stack, which the other tests change, has no violation."""
    assert violations(SOUND, Expectation()) == []


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"user": "root"}, "runs as root"),
        ({"user": "0:0"}, "runs as root"),
        ({"user": None}, "runs as root"),
        ({"readOnly": False}, "has a writable root file system"),
        ({"privileged": True}, "is privileged"),
        ({"capabilities": {"drops": ["ALL"], "adds": ["NET_ADMIN"]}}, "keeps Linux capabilities"),
        ({"capabilities": None}, "keeps Linux capabilities"),
        ({"securityOpts": []}, "can gain new privileges"),
        ({"memory": None, "memorySwap": None}, "does not set memory"),
        ({"cpus": ""}, "does not set cpus"),
        ({"memorySwap": 256}, "can swap"),
        ({"ulimits": [{"name": "nofile"}]}, "has no limit on its processes"),
        ({"logOpts": {}}, "does not set logOpts"),
        ({"stopTimeout": None}, "does not set stopTimeout"),
        ({"healthcheck": None}, "has no health check"),
        ({"restart": "no"}, "does not restart by itself"),
        ({"ports": [{"internal": 8080}]}, "publishes a port"),
    ],
)
def test_a_soft_container_is_found(properties: Mapping[str, Any], said: str) -> None:
    """Each missing protection or limit of a container is found."""
    assert violations([changed(CONTAINER, **properties)], Expectation()) == [f"server {said}."]


def test_the_fetcher_may_publish_its_port_and_what_runs_once_needs_no_health() -> None:
    """The fetcher may publish its port, and a container that runs once needs no health check."""
    fetcher = changed(CONTAINER, name="leadminer-fetcher", ports=[{"internal": 8090}])
    once = changed(CONTAINER, mustRun=False, restart="no", healthcheck={"tests": ["NONE"]})

    assert violations([fetcher, once], Expectation()) == []


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        (changed(IMAGE, name="redis:8"), "image pulls redis:8: add the image's digest."),
        (changed(CONTAINER, image="redis:8"), "server runs redis:8: use the image's id."),
        (replace(VOLUME, protect=False), "volume holds data: set protect and retain_on_delete."),
        (replace(VOLUME, retain=False), "volume holds data: set protect and retain_on_delete."),
        (changed(QUEUE, queueId="3"), "queue has no consumer: its messages would expire unread."),
        (changed(CONSUMER, deadLetterQueue=None), "queue has no dead-letter queue."),
        (changed(CONSUMER, settings={"batchSize": 1}), "consumer does not set maxConcurrency"),
        (
            changed(SCRIPT, bindings=[{"name": "PROCESSOR_TOKEN", "type": "plain_text", "text": "x"}]),
            "script binds PROCESSOR_TOKEN as plain text.",
        ),
        (changed(CONTAINER, envs=["PROCESSOR_TOKEN=x"]), "server has PROCESSOR_TOKEN in plain text."),
        (changed(CONTAINER, envs=["REDIS_URL=redis://:x@redis"]), "server has REDIS_URL in plain text."),
        (changed(CONTAINER, command=["--requirepass", SECRET]), "server has a secret in its command"),
        (changed(CONTAINER, labels=[{"label": "a", "value": SECRET}]), "server has a secret in its command"),
    ],
)
def test_a_worse_stack_is_found(worse: Resource, said: str) -> None:
    """The violation of a changed resource is found, with its name."""
    stack = [worse if each.name == worse.name else each for each in SOUND]

    found = violations(stack, Expectation())

    assert any(sentence.startswith(said) for sentence in found), found


def test_data_that_may_be_lost_need_not_be_kept() -> None:
    """If data may be lost, it need not be protected."""
    assert violations([replace(VOLUME, protect=False, retain=False)], Expectation(protected=False)) == []


def test_each_predicate_is_a_policy_with_a_name() -> None:
    """Policy names are lowercase words with hyphens."""
    check: Callable[[str], bool] = lambda name: name.replace("-", "").isalpha() and name.islower()  # noqa: E731

    assert [name for name in (*PREDICATES, *OF_MARKED_SECRETS) if not check(name)] == []
