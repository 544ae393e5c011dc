"""What every stack must hold, as pure predicates over what it declares: for tests, and for the policy pack.

Properties are as the engine has them: camelCase, inputs and what is known of the outputs; a secret is SECRET, or a text
that no predicate shows.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SECRET = "[secret]"  # noqa: S105 (it stands where one stood)
CONTAINER, IMAGE, VOLUME = (
    "docker:index/container:Container",
    "docker:index/remoteImage:RemoteImage",
    "docker:index/volume:Volume",
)
DATABASE, BUCKET = "cloudflare:index/d1Database:D1Database", "cloudflare:index/r2Bucket:R2Bucket"
QUEUE, CONSUMER = "cloudflare:index/queue:Queue", "cloudflare:index/queueConsumer:QueueConsumer"
SCRIPT = "cloudflare:index/workersScript:WorkersScript"
DATA = (DATABASE, BUCKET, VOLUME)
"""Types that hold what cannot be made again."""
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|SERVICE_KEY|ACCESS_KEY|CONNECTION_STRING|REDIS_URL")
_CREDENTIAL = re.compile(r"://[^/\s@]*:[^/\s@]+@")
_ROOT = re.compile(r"(0|root)(:.*)?")


@dataclass(frozen=True, slots=True)
class Resource:
    """One declared resource: its logical name, type and properties, and whether it is protected and retained."""

    name: str
    type: str
    properties: Mapping[str, Any]
    protect: bool = False
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a predicate has to know of the stack besides its resources."""

    protected: bool = True
    published: Sequence[str] = field(default_factory=lambda: ("fetcher",))
    """Words in the names of the containers that may publish a port."""


Predicate = Callable[[Sequence[Resource], Expectation], Iterator[str]]


def keeps_data(resources: Sequence[Resource], expected: Expectation) -> Iterator[str]:
    """Say which resource holds data without being protected and retained."""
    if not expected.protected:
        return
    for each in resources:
        if each.type in DATA and not (each.protect and each.retain):
            yield f"{each.name} holds data: protect it, and retain it on delete."


def pins_images(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Say which image is not named by its digest, and which container not by an id."""
    for each in resources:
        name = str(each.properties.get("name", ""))
        if each.type == IMAGE and "@sha256:" not in name:
            yield f"{each.name} is {name}: name the image by its digest too."
        image = str(each.properties.get("image", ""))
        if each.type == CONTAINER and image and not re.search(r"sha256:[0-9a-f]{64}$", image):
            yield f"{each.name} runs {image}: give it the image's id."


def hardens_containers(resources: Sequence[Resource], expected: Expectation) -> Iterator[str]:
    """Say what a container may do that it need not."""
    for each in resources:
        if each.type == CONTAINER:
            yield from (f"{each.name}: {fault}." for fault in _soft_spots(each.properties, expected))


def _soft_spots(properties: Mapping[str, Any], expected: Expectation) -> Iterator[str]:
    if not properties.get("user") or _ROOT.fullmatch(str(properties["user"])):
        yield "it runs as root"
    if properties.get("readOnly") is not True:
        yield "its root can be written"
    if properties.get("privileged"):
        yield "it is privileged"
    capabilities = properties.get("capabilities") or {}
    # As lists of our own here and below: the policy SDK wraps them, and a wrapped one equals none.
    if list(capabilities.get("drops") or []) != ["ALL"] or capabilities.get("adds"):
        yield "it keeps capabilities"
    if "no-new-privileges:true" not in (properties.get("securityOpts") or []):
        yield "it may gain privileges"
    yield from _boundless(properties)
    if properties.get("ports") and not any(word in str(properties.get("name")) for word in expected.published):
        yield "it publishes a port"


def _boundless(properties: Mapping[str, Any]) -> Iterator[str]:
    for name in ("memory", "cpus", "ulimits", "logOpts", "stopTimeout"):
        if not properties.get(name):
            yield f"{name} is not set"
    if properties.get("memorySwap") != properties.get("memory"):
        yield "it may swap"
    if "nproc" not in {limit.get("name") for limit in properties.get("ulimits") or []}:
        yield "its processes are not bounded"
    if properties.get("mustRun") is False:
        return
    if list((properties.get("healthcheck") or {}).get("tests") or ["NONE"]) == ["NONE"]:
        yield "nothing looks at its health"
    if properties.get("restart") not in ("always", "unless-stopped"):
        yield "it is not started again"


def catches_dead_letters(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Say which queue has no consumer, or one whose failures go nowhere."""
    consumers = [each for each in resources if each.type == CONSUMER]
    dead = {each.properties.get("deadLetterQueue") for each in consumers} - {None}
    consumed = {each.properties.get("queueId"): each for each in consumers}
    for each in resources:
        if each.type != QUEUE:
            continue
        name = each.properties.get("queueName")
        consumer = consumed.get(each.properties.get("queueId"))
        if consumer is None:
            yield f"{each.name} has no consumer: its messages would vanish."
        elif name not in dead and not consumer.properties.get("deadLetterQueue"):
            yield f"{each.name} has no dead-letter queue."


def states_consumers(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Say which consumer leaves a setting to the provider, which drifts on them."""
    wanted = {"batchSize", "maxConcurrency", "maxRetries", "maxWaitTimeMs", "retryDelay"}
    for each in resources:
        if each.type == CONSUMER and (missing := wanted - (each.properties.get("settings") or {}).keys()):
            yield f"{each.name} does not state {', '.join(sorted(missing))}."


def hides_secrets(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Say where a secret stands in a plain variable of a Worker, or in a container's command, label or name."""
    for each in resources:
        if each.type == SCRIPT:
            for binding in each.properties.get("bindings") or []:
                if _is_readable(binding) and _SECRET_NAME.search(str(binding.get("name"))):
                    yield f"{each.name} binds {binding['name']} as plain text."
        if each.type == CONTAINER:
            shown = [each.properties.get(name) for name in ("command", "entrypoints", "labels", "name")]
            if any(value == SECRET or _CREDENTIAL.search(value) for value in _texts(shown)):
                yield f"{each.name} carries a secret where everyone can read it."


def encrypts_environment(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Say which container has a secret in its environment that the state would show."""
    for each in resources:
        if each.type != CONTAINER:
            continue
        for variable in each.properties.get("envs") or []:
            name, _, value = str(variable).partition("=")
            if variable != SECRET and (_CREDENTIAL.search(value) or re.search("TOKEN|SECRET|PASSWORD", name)):
                yield f"{each.name} has {name} in the clear."


def _is_readable(binding: Any) -> bool:
    return isinstance(binding, Mapping) and binding.get("type") == "plain_text"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from _texts(list(value.values()))
    elif isinstance(value, Sequence):
        for part in value:
            yield from _texts(part)


PREDICATES: Mapping[str, Predicate] = {
    "data-is-kept": keeps_data,
    "images-are-pinned": pins_images,
    "containers-are-hardened": hardens_containers,
    "dead-letters-are-caught": catches_dead_letters,
    "consumers-state-everything": states_consumers,
    "secrets-are-hidden": hides_secrets,
}
"""By the name of the policy."""
OF_MARKED_SECRETS: Mapping[str, Predicate] = {"environment-is-encrypted": encrypts_environment}
"""Those that need secrets to be marked: tests have them so, while a policy pack is handed what they are."""


def violations(resources: Sequence[Resource], expected: Expectation) -> list[str]:
    """Return a sentence for each violation of any predicate; secrets have to be marked."""
    predicates = (*PREDICATES.values(), *OF_MARKED_SECRETS.values())
    return [found for predicate in predicates for found in predicate(resources, expected)]
