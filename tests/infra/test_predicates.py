"""Each predicate finds what it is there for: a stack that is made worse in one point breaks one rule."""

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
    """What the other tests make worse is faultless."""
    assert violations(SOUND, Expectation()) == []


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"user": "root"}, "it runs as root"),
        ({"user": "0:0"}, "it runs as root"),
        ({"user": None}, "it runs as root"),
        ({"readOnly": False}, "its root can be written"),
        ({"privileged": True}, "it is privileged"),
        ({"capabilities": {"drops": ["ALL"], "adds": ["NET_ADMIN"]}}, "it keeps capabilities"),
        ({"capabilities": None}, "it keeps capabilities"),
        ({"securityOpts": []}, "it may gain privileges"),
        ({"memory": None, "memorySwap": None}, "memory is not set"),
        ({"cpus": ""}, "cpus is not set"),
        ({"memorySwap": 256}, "it may swap"),
        ({"ulimits": [{"name": "nofile"}]}, "its processes are not bounded"),
        ({"logOpts": {}}, "logOpts is not set"),
        ({"stopTimeout": None}, "stopTimeout is not set"),
        ({"healthcheck": None}, "nothing looks at its health"),
        ({"restart": "no"}, "it is not started again"),
        ({"ports": [{"internal": 8080}]}, "it publishes a port"),
    ],
)
def test_a_soft_container_is_found(properties: Mapping[str, Any], said: str) -> None:
    """Each of its bounds is looked at."""
    assert violations([changed(CONTAINER, **properties)], Expectation()) == [f"server: {said}."]


def test_the_fetcher_may_publish_its_port_and_what_runs_once_needs_no_health() -> None:
    """Both are exceptions that the stacks need."""
    fetcher = changed(CONTAINER, name="leadminer-fetcher", ports=[{"internal": 8090}])
    once = changed(CONTAINER, mustRun=False, restart="no", healthcheck={"tests": ["NONE"]})

    assert violations([fetcher, once], Expectation()) == []


@pytest.mark.parametrize(
    ("worse", "said"),
    [
        (changed(IMAGE, name="redis:8"), "image is redis:8: name the image by its digest too."),
        (changed(CONTAINER, image="redis:8"), "server runs redis:8: give it the image's id."),
        (replace(VOLUME, protect=False), "volume holds data: protect it, and retain it on delete."),
        (replace(VOLUME, retain=False), "volume holds data: protect it, and retain it on delete."),
        (changed(QUEUE, queueId="3"), "queue has no consumer: its messages would vanish."),
        (changed(CONSUMER, deadLetterQueue=None), "queue has no dead-letter queue."),
        (changed(CONSUMER, settings={"batchSize": 1}), "consumer does not state maxConcurrency"),
        (
            changed(SCRIPT, bindings=[{"name": "PROCESSOR_TOKEN", "type": "plain_text", "text": "x"}]),
            "script binds PROCESSOR_TOKEN as plain text.",
        ),
        (changed(CONTAINER, envs=["PROCESSOR_TOKEN=x"]), "server has PROCESSOR_TOKEN in the clear."),
        (changed(CONTAINER, envs=["REDIS_URL=redis://:x@redis"]), "server has REDIS_URL in the clear."),
        (changed(CONTAINER, command=["--requirepass", SECRET]), "server carries a secret"),
        (changed(CONTAINER, labels=[{"label": "a", "value": SECRET}]), "server carries a secret"),
    ],
)
def test_a_worse_stack_is_found(worse: Resource, said: str) -> None:
    """One resource is exchanged for a worse one, and the sentence names it."""
    stack = [worse if each.name == worse.name else each for each in SOUND]

    found = violations(stack, Expectation())

    assert any(sentence.startswith(said) for sentence in found), found


def test_data_that_may_be_lost_need_not_be_kept() -> None:
    """A stack that protects nothing is held to all the other rules."""
    assert violations([replace(VOLUME, protect=False, retain=False)], Expectation(protected=False)) == []


def test_each_predicate_is_a_policy_with_a_name() -> None:
    """Names are words of small letters, as policies are named."""
    check: Callable[[str], bool] = lambda name: name.replace("-", "").isalpha() and name.islower()  # noqa: E731

    assert [name for name in (*PREDICATES, *OF_MARKED_SECRETS) if not check(name)] == []
