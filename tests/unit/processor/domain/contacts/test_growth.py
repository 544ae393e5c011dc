"""Refining takes time linear in what messages say, also if they are copies of one message."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest

from processor.domain.contacts.packing import pack
from processor.domain.contacts.refine import refine
from processor.domain.facts import Message
from tests.support.growth import LINEAR, growth
from tests.support.messages import make_message, make_point

ROW_BYTES: Final = 50_000

CASES: Final[Mapping[str, Callable[[int], Message]]] = {
    "copies": lambda _: make_message(1, make_point()),
    "copies with different names": lambda i: make_message(1, make_point(names=(f"Jane {i}",))),
    "copies with different plus addresses": lambda i: make_message(1, make_point(plus=(f"jane+{i}@acme.com",))),
    "copies with different dates": lambda i: make_message(1, make_point(), date=i),
    "copies with different people": lambda i: make_message(1, make_point(f"jane{i}@acme.com")),
    "messages": lambda i: make_message(i, make_point(), date=i),
    "messages with different names": lambda i: make_message(i, make_point(names=(f"Jane {i}",))),
    "messages with different plus addresses": lambda i: make_message(i, make_point(plus=(f"jane+{i}@acme.com",))),
    "names in both orders": lambda i: make_message(i, make_point(names=(f"Jane D{i}", f"D{i}, Jane"))),
}
"""The message with a number, by case; each case grows with how many messages there are."""


@pytest.mark.exhaustive
@pytest.mark.parametrize("case", CASES)
def test_refining_takes_linear_time(case: str) -> None:
    """Twice as many messages take about twice as long."""

    def make(size: int) -> list[str]:
        packed = pack((CASES[case](number) for number in range(size)), chunks=1, max_bytes=ROW_BYTES)
        return packed[0]

    assert growth(lambda rows: list(refine(rows)), make) < LINEAR
