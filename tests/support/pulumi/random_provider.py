"""Stands in for the provider `random`: passwords of letters and digits."""

import secrets
import string
from collections.abc import Mapping

from tests.support.pulumi.provider import Kind, Properties, Provider, serve

ALPHABET = string.ascii_letters + string.digits


class RandomPassword(Kind):
    """A random text that stays the same as long as its inputs do."""

    inputs = frozenset({"length", "special"})
    required = inputs
    outputs = frozenset({"result"})

    def check(self, inputs: Properties) -> list[str]:
        """Refuse special characters, because our passwords are used in URLs."""
        return [*super().check(inputs), *(["special is not supported here"] if inputs.get("special") else [])]

    def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Generate the password."""
        return "none", {"result": "".join(secrets.choice(ALPHABET) for _ in range(inputs["length"]))}


class RandomProvider(Provider):
    """Provides the only kind that we use."""

    package = "pulumi-random"
    deletes_first = True

    def kinds(self, settings: Properties) -> Mapping[str, Kind]:
        """Return the kinds by type."""
        return {"random:index/randomPassword:RandomPassword": RandomPassword()}


if __name__ == "__main__":
    serve(RandomProvider())
