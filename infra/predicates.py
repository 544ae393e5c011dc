"""The rules for every stack, as pure predicates over its declared resources; for tests and for the policy pack.

Properties are those of the engine: in camelCase, all inputs and the outputs that are known. A secret is SECRET, or its
text, which no predicate prints.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SECRET = "[secret]"  # noqa: S105 (a placeholder)
CONTAINER, IMAGE, VOLUME = (
    "docker:index/container:Container",
    "docker:index/remoteImage:RemoteImage",
    "docker:index/volume:Volume",
)
DATABASE, BUCKET = "cloudflare:index/d1Database:D1Database", "cloudflare:index/r2Bucket:R2Bucket"
QUEUE, CONSUMER = "cloudflare:index/queue:Queue", "cloudflare:index/queueConsumer:QueueConsumer"
SCRIPT = "cloudflare:index/workersScript:WorkersScript"
DATA = (DATABASE, BUCKET, VOLUME)
"""Types that hold data which cannot be recreated."""
_SECRET_NAME = re.compile(r"TOKEN|SECRET|PASSWORD|SERVICE_KEY|ACCESS_KEY|CONNECTION_STRING|REDIS_URL")
_CREDENTIAL = re.compile(r"://[^/\s@]*:[^/\s@]+@")
_ROOT = re.compile(r"(0|root)(:.*)?")


@dataclass(frozen=True, slots=True)
class Resource:
    """A declared resource: its logical name, type and properties, and whether it is protected and retained."""

    name: str
    type: str
    properties: Mapping[str, Any]
    protect: bool = False
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a predicate must know about the stack besides its resources."""

    protected: bool = True
    published: Sequence[str] = field(default_factory=lambda: ("fetcher",))
    """A container may publish a port if its name contains one of these words."""


Predicate = Callable[[Sequence[Resource], Expectation], Iterator[str]]


def keeps_data(resources: Sequence[Resource], expected: Expectation) -> Iterator[str]:
    """Every resource that holds data must be protected, and retained on delete."""
    if not expected.protected:
        return
    for each in resources:
        if each.type in DATA and not (each.protect and each.retain):
            yield f"{each.name} holds data: set protect and retain_on_delete."


def pins_images(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Every image must be named by digest, and every container must run an image by its id."""
    for each in resources:
        name = str(each.properties.get("name", ""))
        if each.type == IMAGE and "@sha256:" not in name:
            yield f"{each.name} pulls {name}: add the image's digest."
        image = str(each.properties.get("image", ""))
        if each.type == CONTAINER and image and not re.search(r"sha256:[0-9a-f]{64}$", image):
            yield f"{each.name} runs {image}: use the image's id."


def hardens_containers(resources: Sequence[Resource], expected: Expectation) -> Iterator[str]:
    """Every container must run with no more rights and resources than it needs."""
    for each in resources:
        if each.type == CONTAINER:
            yield from (f"{each.name} {fault}." for fault in _weaknesses(each.properties, expected))


def _weaknesses(properties: Mapping[str, Any], expected: Expectation) -> Iterator[str]:
    if not properties.get("user") or _ROOT.fullmatch(str(properties["user"])):
        yield "runs as root"
    if properties.get("readOnly") is not True:
        yield "has a writable root file system"
    if properties.get("privileged"):
        yield "is privileged"
    capabilities = properties.get("capabilities") or {}
    # list(…) here and below: the policy SDK wraps lists, and a wrapped list equals no other.
    if list(capabilities.get("drops") or []) != ["ALL"] or capabilities.get("adds"):
        yield "keeps Linux capabilities"
    if "no-new-privileges:true" not in (properties.get("securityOpts") or []):
        yield "can gain new privileges"
    yield from _missing_limits(properties)
    if properties.get("ports") and not any(word in str(properties.get("name")) for word in expected.published):
        yield "publishes a port"


def _missing_limits(properties: Mapping[str, Any]) -> Iterator[str]:
    for name in ("memory", "cpus", "ulimits", "logOpts", "stopTimeout"):
        if not properties.get(name):
            yield f"does not set {name}"
    if properties.get("memorySwap") != properties.get("memory"):
        yield "can swap"
    if "nproc" not in {limit.get("name") for limit in properties.get("ulimits") or []}:
        yield "has no limit on its processes"
    if properties.get("mustRun") is False:
        return
    if list((properties.get("healthcheck") or {}).get("tests") or ["NONE"]) == ["NONE"]:
        yield "has no health check"
    if properties.get("restart") not in ("always", "unless-stopped"):
        yield "does not restart by itself"


def catches_dead_letters(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Every queue must have a consumer, and a dead-letter queue unless it is one."""
    consumers = [each for each in resources if each.type == CONSUMER]
    dead = {each.properties.get("deadLetterQueue") for each in consumers} - {None}
    consumed = {each.properties.get("queueId"): each for each in consumers}
    for each in resources:
        if each.type != QUEUE:
            continue
        name = each.properties.get("queueName")
        consumer = consumed.get(each.properties.get("queueId"))
        if consumer is None:
            yield f"{each.name} has no consumer: its messages would expire unread."
        elif name not in dead and not consumer.properties.get("deadLetterQueue"):
            yield f"{each.name} has no dead-letter queue."


def states_consumers(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Every consumer must set all its settings: those left to the provider show up as drift."""
    wanted = {"batchSize", "maxConcurrency", "maxRetries", "maxWaitTimeMs", "retryDelay"}
    for each in resources:
        if each.type == CONSUMER and (missing := wanted - (each.properties.get("settings") or {}).keys()):
            yield f"{each.name} does not set {', '.join(sorted(missing))}."


def hides_secrets(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """No secret may be in a plain-text binding of a Worker, or in a container's command, label or name."""
    for each in resources:
        if each.type == SCRIPT:
            for binding in each.properties.get("bindings") or []:
                if _is_readable(binding) and _SECRET_NAME.search(str(binding.get("name"))):
                    yield f"{each.name} binds {binding['name']} as plain text."
        if each.type == CONTAINER:
            shown = [each.properties.get(name) for name in ("command", "entrypoints", "labels", "name")]
            if any(value == SECRET or _CREDENTIAL.search(value) for value in _texts(shown)):
                yield f"{each.name} has a secret in its command, label or name, where everyone can read it."


def encrypts_environment(resources: Sequence[Resource], _expected: Expectation) -> Iterator[str]:
    """Every secret in a container's environment must be encrypted in the state."""
    for each in resources:
        if each.type != CONTAINER:
            continue
        for variable in each.properties.get("envs") or []:
            name, _, value = str(variable).partition("=")
            if variable != SECRET and (_CREDENTIAL.search(value) or re.search("TOKEN|SECRET|PASSWORD", name)):
                yield f"{each.name} has {name} in plain text."


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
"""The predicates, by the name of their policy."""
OF_MARKED_SECRETS: Mapping[str, Predicate] = {"environment-is-encrypted": encrypts_environment}
"""Predicates that need secrets to be marked as SECRET. Tests mark them; a policy pack gets their values instead."""


def violations(resources: Sequence[Resource], expected: Expectation) -> list[str]:
    """Return one sentence per violation of any predicate; secrets must be marked as SECRET."""
    predicates = (*PREDICATES.values(), *OF_MARKED_SECRETS.values())
    return [found for predicate in predicates for found in predicate(resources, expected)]
