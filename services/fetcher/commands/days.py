"""Days on the command line."""

from datetime import date

import typer


def day(text: str) -> str:
    """Return a date as YYYY-MM-DD; raise BadParameter if the text is not a date."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise typer.BadParameter(f"{text!r} is not a date: write it like 2026-01-31.") from None
