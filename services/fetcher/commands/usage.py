"""Errors of the command line name what was typed."""

from typing import Any

import typer
from typer.core import TyperCommand

REASONS = {
    "int_parsing": "it must be a whole number",
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
}
"""What the errors of pydantic, which typer converts values with, mean for a person."""


class Command(TyperCommand):
    """A command whose errors about values name the value."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments; raise BadParameter with the value that is wrong, and why."""
        try:
            return super().parse_args(ctx, args)
        except typer.BadParameter as error:
            error.message = explain(error)
            raise


def explain(error: typer.BadParameter) -> str:
    """Return what is wrong with a value, which the text names."""
    faults = getattr(error.__cause__, "errors", None)
    if faults is None:
        return error.message
    fault = faults()[0]
    typed, reason = repr(str(fault["input"])), str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] in REASONS:
        reason = REASONS[fault["type"]].format(**fault.get("ctx", {}))
    return reason if typed in reason else f"{typed} is invalid: {reason}."
