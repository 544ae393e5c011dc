"""Makes and restores dumps in a running stack."""

from collections.abc import Callable

from infra.care.deployment import Deployment, Refused

Ask = Callable[[str], bool]
"""Asks the person at the terminal for confirmation; False if there is no terminal."""


def back_up(stack: Deployment) -> str:
    """Make a dump now, and return its name."""
    return stack.script("dump")


def list_dumps(stack: Deployment) -> list[str]:
    """Return the names of the dumps, newest first."""
    return stack.script("list").split()


def restore(stack: Deployment, dump: str, ask: Ask, *, discard: bool = False) -> None:
    """Replace both databases with a dump; raise Refused, with nothing touched, if the question is not confirmed.

    The services are started again in any case: until the last step, which is one transaction, the old databases are
    still in place.
    """
    stack.script("verify", dump)
    if not ask(f"This replaces both databases of {stack.names.prefix} with those of {dump}."):
        raise Refused("Nothing was restored: answer yes at the terminal, or pass --yes.")
    stack.stop_services()
    try:
        stack.script("restore", dump, *(["--discard"] if discard else []))
    finally:
        stack.start_services()
