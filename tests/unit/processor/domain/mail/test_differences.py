"""The fast extraction agrees with the careful reference on every real and every odd message."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

from bench.recall import LATEST, measure_recall
from processor.domain.mail.message import Message, read_message
from tests.support.corpus import edge_messages, real_messages
from tests.support.reference import Reading, read

KNOWN: Final[dict[str, dict[str, str]]] = json.loads(Path(__file__).with_name("differences.json").read_bytes())
"""By corpus: each difference that was reviewed, and the reason why it is kept."""
RECALL: Final = 0.999


def differences(name: str, ours: Message, reference: Reading) -> Iterator[str]:
    """Yield one line for each difference between the two readings of a message."""
    points = {point.address: point for point in ours.points}
    for address in sorted(points.keys() | reference.people.keys()):
        point, said = points.get(address), reference.people.get(address)
        if point is None or said is None:
            yield f"{name} {'missing' if point is None else 'extra'} {address}"
            continue
        if point.fields != said.fields:
            yield f"{name} fields of {address}: {point.fields}, not {said.fields}"
        if set(point.names) != said.names:
            yield f"{name} names of {address}: {sorted(point.names)}, not {sorted(said.names)}"
        if set(point.plus) != said.plus:
            yield f"{name} plus addresses of {address}"
    if ours.date != reference.date:
        yield f"{name} date: {ours.date}, not {reference.date}"
    if ours.conversation != reference.conversation:
        yield f"{name} conversation: {ours.conversation}"
    if reference.key not in (None, ours.key):
        yield f"{name} key"


def compare(messages: Iterable[tuple[str, bytes]]) -> list[str]:
    """Return all differences."""
    found: list[str] = []
    for name, raw in messages:
        ours = read_message(raw, own=frozenset(), latest=LATEST, with_text=True, truncated=False)
        found += differences(name, ours, read(raw))
    return found


@pytest.mark.exhaustive
def test_real_messages() -> None:
    """On real mail every difference is known and has a reason, and hardly any address is missing."""
    messages = list(real_messages())

    assert sorted(compare(messages)) == sorted(KNOWN["real"])
    pairs, found = measure_recall(raw for _, raw in messages)
    assert found / pairs >= RECALL


def test_edge_messages() -> None:
    """On malformed mail every difference is known and has a reason."""
    assert sorted(compare(edge_messages())) == sorted(KNOWN["edge"])
