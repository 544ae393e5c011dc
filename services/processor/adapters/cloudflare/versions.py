"""The check that a database's schema is not older than the Worker.

Each deployment makes it in advance. A Worker makes it only when a database lacks something that it asks for.
"""

from processor.ports import Unavailable


def refuse_older(database: str, version: str | None, *, needed: str) -> None:
    """Raise Unavailable if the database's newest migration is older than the one that the Worker needs."""
    if (version or "") < needed:
        raise Unavailable(f"{database}'s schema is {version or 'none'}: apply its migrations up to {needed}")
