"""Making dumps and restoring them, in a stack that runs."""

from collections.abc import Callable

from infra.care.deployment import Deployment, Refused

Ask = Callable[[str], bool]
"""Asks whoever is at the terminal; False where nobody is."""


def back_up(stack: Deployment) -> str:
    """Make a dump now, and return its name."""
    return stack.script("dump")


def list_dumps(stack: Deployment) -> list[str]:
    """Return the names of the dumps, newest first."""
    return stack.script("list").split()


def restore(stack: Deployment, dump: str, ask: Ask, *, discard: bool = False) -> None:
    """Put a dump in the place of both databases; raise Refused before anything is touched, unless it was agreed to.

    The services are started again however it ends: up to its last step, which is one transaction, what was there is
    there still.
    """
    stack.script("verify", dump)
    if not ask(f"This replaces both databases of {stack.names.prefix} by those of {dump}."):
        raise Refused("Nothing was restored: say yes at the terminal, or give --yes.")
    stack.stop_services()
    try:
        stack.script("restore", dump, *(["--discard"] if discard else []))
    finally:
        stack.start_services()
