"""Bindings: what a stack gives a service, as a Worker's binding or a container's environment variable."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

import pulumi


class Kind(Enum):
    """Kinds of bindings: the type of a Worker's binding, and the field that holds its value."""

    TEXT = ("plain_text", "text")
    SECRET = ("secret_text", "text")
    D1 = ("d1", "id")
    R2 = ("r2_bucket", "bucket_name")
    QUEUE = ("queue", "queue_name")


@dataclass(frozen=True, slots=True)
class Binding:
    """A setting's name and value: a text, or the name or id of the resource behind it."""

    name: str
    kind: Kind
    value: pulumi.Input[str]
    jurisdiction: str | None = None

    def for_worker(self) -> dict[str, pulumi.Input[str]]:
        """Return the fields of a Worker's binding."""
        kind, field = self.kind.value
        fields: dict[str, pulumi.Input[str]] = {"name": self.name, "type": kind, field: self.value}
        return fields if self.jurisdiction is None else fields | {"jurisdiction": self.jurisdiction}

    def for_container(self) -> pulumi.Output[str]:
        """Return `NAME=value`."""
        return pulumi.Output.concat(self.name, "=", self.value)


def text(name: str, value: pulumi.Input[str]) -> Binding:
    """Bind a value that anyone may read."""
    return Binding(name, Kind.TEXT, value)


def secret(name: str, value: pulumi.Input[str]) -> Binding:
    """Bind a value that stays encrypted in the state and is never shown."""
    return Binding(name, Kind.SECRET, pulumi.Output.secret(value))


def previous_token(secrets: Mapping[str, pulumi.Input[str]]) -> list[Binding]:
    """Bind the processor's token from before a rotation, if the stack's settings still have it."""
    given = secrets.get("processorTokenPrevious")
    return [] if given is None else [secret("PROCESSOR_TOKEN_PREVIOUS", given)]


def environment(bindings: Iterable[Binding]) -> list[pulumi.Input[str]]:
    """Return a container's environment, sorted by name, so that the order of declaration makes no difference."""
    return [binding.for_container() for binding in sorted(bindings, key=lambda binding: binding.name)]
