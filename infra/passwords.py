"""Passwords and tokens: generated once, secret in the state, never a default."""

import pulumi
import pulumi_random as random

from infra.protection import inside

LENGTH = 40
"""Only letters and digits, which need no escaping in URLs: 238 bits."""


def declare_password(name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return a random string that stays the same until its resource is replaced (`pulumi up --replace`)."""
    made = random.RandomPassword(f"{name}-password", length=LENGTH, special=False, opts=inside(parent))
    return pulumi.Output.secret(made.result)
