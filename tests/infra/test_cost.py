"""Costs follow from counted operations and list prices, and the budget is enforced."""

import pytest

from infra.cost import (
    A_MESSAGE,
    DOLLARS_PER_MILLION,
    INCLUDED_MILLIONS,
    PLAN_DOLLARS,
    OverBudget,
    check_budget,
    dollars,
    estimate_cloudflare,
    estimate_server,
)


def test_a_million_of_each_costs_its_price() -> None:
    """A million of every operation costs the sum of the prices."""
    operations = dict.fromkeys(DOLLARS_PER_MILLION, 1_000_000.0)

    assert dollars(operations) == pytest.approx(sum(DOLLARS_PER_MILLION.values()))


def test_an_unknown_operation_is_no_gift() -> None:
    """An operation without a price is an error."""
    with pytest.raises(KeyError):
        dollars({"kv reads": 1.0})


def test_what_is_counted_has_a_price_and_an_included_amount() -> None:
    """The tables of usage, prices and included amounts have the same operations."""
    assert A_MESSAGE.keys() == DOLLARS_PER_MILLION.keys() == INCLUDED_MILLIONS.keys()


def test_within_the_plan_only_the_plan_is_paid() -> None:
    """A million messages per month cost no more than the plan."""
    assert estimate_cloudflare(1_000_000).monthly == pytest.approx(PLAN_DOLLARS)


def test_beyond_the_plan_each_million_costs_its_list_price_and_its_storage() -> None:
    """Beyond the plan, a million messages cost their operations, their keys in D1, and a day in R2."""
    one, other = estimate_cloudflare(20_000_000_000), estimate_cloudflare(20_001_000_000)

    growth = other.monthly - one.monthly

    kept = 1_000_000 * 50 * 12 / 1e9 * 0.75
    raw = 1_000_000 * 20_000 / 1e9 / 30 * 0.015
    assert growth == pytest.approx(one.per_million + kept + raw)


def test_a_server_costs_what_it_costs() -> None:
    """A server has a fixed price, divided among the messages."""
    estimate = estimate_server(500_000, 20)

    assert (estimate.monthly, estimate.per_million) == (20, 40)


def test_a_budget_is_kept() -> None:
    """A cost above the budget is refused, with both amounts and the fix; without a budget, any cost is accepted."""
    estimate = estimate_server(1_000_000, 20)
    check_budget(estimate, None)
    check_budget(estimate, 20)

    with pytest.raises(
        OverBudget, match=r"\$20\.00 per month, but leadminer:budgetDollars is \$19\.50 .*`pulumi config"
    ):
        check_budget(estimate, 19.5)
