"""What a mail server did not give, as lines for a person."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from fetcher.commands.terminal import number

if TYPE_CHECKING:
    from fetcher.mining.failures import Failure

SHOWN = 20


def failure_lines(failures: Sequence["Failure"]) -> Iterator[str]:
    """Yield one line per folder and reason, with the server's own words; none if nothing failed."""
    if failures:
        yield "The mail server did not give everything:"
    for failure in failures[:SHOWN]:
        yield f"  {failure.told()}"
    if len(failures) > SHOWN:
        yield f"  and {number(len(failures) - SHOWN)} more"
