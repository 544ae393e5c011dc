"""Recall: how many of the addresses that the reference parser finds the extraction finds too."""

from collections.abc import Iterable

from processor.domain.mail.message import read_message
from tests.support.reference import read

LATEST = 1 << 40
"""So late that no date counts as a future date."""


def measure_recall(messages: Iterable[bytes]) -> tuple[int, int]:
    """Return how many (message, address) pairs the reference parser finds, and how many of those we find."""
    pairs = found = 0
    for raw in messages:
        ours = read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)
        people = read(raw).people.keys()
        pairs += len(people)
        found += len(people & {point.address for point in ours.points})
    return pairs, found
