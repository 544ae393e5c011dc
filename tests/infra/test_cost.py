"""Counted operations make dollars at the list prices, and a budget is kept."""

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
    """Prices are per million operations, and add."""
    operations = dict.fromkeys(DOLLARS_PER_MILLION, 1_000_000.0)

    assert dollars(operations) == pytest.approx(sum(DOLLARS_PER_MILLION.values()))


def test_an_unknown_operation_is_no_gift() -> None:
    """What has no price is an error."""
    with pytest.raises(KeyError):
        dollars({"kv reads": 1.0})


def test_what_is_counted_has_a_price_and_an_included_amount() -> None:
    """The tables name the same operations."""
    assert A_MESSAGE.keys() == DOLLARS_PER_MILLION.keys() == INCLUDED_MILLIONS.keys()


def test_within_the_plan_only_the_plan_is_paid() -> None:
    """A million messages a month fit into what is included."""
    assert estimate_cloudflare(1_000_000).monthly == pytest.approx(PLAN_DOLLARS)


def test_beyond_the_plan_each_million_costs_its_list_price_and_its_storage() -> None:
    """The estimate grows by the price of a million, and by what a million leaves behind in D1 and for a day in R2."""
    one, other = estimate_cloudflare(20_000_000_000), estimate_cloudflare(20_001_000_000)

    growth = other.monthly - one.monthly

    kept = 1_000_000 * 50 * 12 / 1e9 * 0.75
    raw = 1_000_000 * 20_000 / 1e9 / 30 * 0.015
    assert growth == pytest.approx(one.per_million + kept + raw)


def test_a_server_costs_what_it_costs() -> None:
    """Its price is shared by the messages."""
    estimate = estimate_server(500_000, 20)

    assert (estimate.monthly, estimate.per_million) == (20, 40)


def test_a_budget_is_kept() -> None:
    """The sentence has both amounts, and what to do; no budget allows everything, and the budget itself is allowed."""
    estimate = estimate_server(1_000_000, 20)
    check_budget(estimate, None)
    check_budget(estimate, 20)

    with pytest.raises(OverBudget, match=r"\$20\.00, and leadminer:budgetDollars is \$19\.50 .*`pulumi config set"):
        check_budget(estimate, 19.5)
