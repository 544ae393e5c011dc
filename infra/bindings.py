"""What a service gets from its stack: one record, rendered as a Worker's binding or as a container's environment."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import pulumi


class Kind(Enum):
    """What is bound: the type of a Worker's binding, and the field of it that says what."""

    TEXT = ("plain_text", "text")
    SECRET = ("secret_text", "text")
    D1 = ("d1", "id")
    R2 = ("r2_bucket", "bucket_name")
    QUEUE = ("queue", "queue_name")


@dataclass(frozen=True, slots=True)
class Binding:
    """A setting by its name, and what it stands for: a text, or the name or id of what backs it."""

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
    """Bind what anyone may read."""
    return Binding(name, Kind.TEXT, value)


def secret(name: str, value: pulumi.Input[str]) -> Binding:
    """Bind what stays encrypted in the state, and is never shown."""
    return Binding(name, Kind.SECRET, pulumi.Output.secret(value))


def environment(bindings: Iterable[Binding]) -> list[pulumi.Input[str]]:
    """Return a container's environment, in the order of names, so that no order of declaring makes a difference."""
    return [binding.for_container() for binding in sorted(bindings, key=lambda binding: binding.name)]
