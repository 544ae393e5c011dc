"""Passwords and tokens: made once, secret in the state, never a default."""

import pulumi
import pulumi_random as random

from infra.protection import inside

LENGTH = 40
"""Letters and digits alone, so that they stand in URLs as they are: 238 bits."""


def declare_password(name: str, *, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Return a random text that stays the same until its resource is replaced (`pulumi up --replace`)."""
    made = random.RandomPassword(f"{name}-password", length=LENGTH, special=False, opts=inside(parent))
    return pulumi.Output.secret(made.result)
