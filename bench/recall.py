"""Recall: which of the people that the careful reference finds in messages the extraction finds too."""

from collections.abc import Iterable

from processor.domain.mail.message import read_message
from tests.support.reference import read

LATEST = 1 << 40
"""No date is of the future."""


def measure_recall(messages: Iterable[bytes]) -> tuple[int, int]:
    """Return how many pairs of a message and an address the reference finds, and how many of these are found."""
    pairs = found = 0
    for raw in messages:
        ours = read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)
        people = read(raw).people.keys()
        pairs += len(people)
        found += len(people & {point.address for point in ours.points})
    return pairs, found
