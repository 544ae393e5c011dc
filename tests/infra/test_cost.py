"""Counted operations make dollars at the list prices."""

import pytest

from infra.cost import DOLLARS_PER_MILLION, dollars


def test_a_million_of_each_costs_its_price() -> None:
    """Prices are per million operations, and add."""
    operations = dict.fromkeys(DOLLARS_PER_MILLION, 1_000_000.0)

    assert dollars(operations) == pytest.approx(sum(DOLLARS_PER_MILLION.values()))


def test_an_unknown_operation_is_no_gift() -> None:
    """What has no price is an error."""
    with pytest.raises(KeyError):
        dollars({"kv reads": 1.0})
