"""What a stack costs: list prices with their date and source, what a message needs of them, and a budget."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PRICES_AS_OF: Final = "2026-11"
DOLLARS_PER_MILLION: Final[Mapping[str, float]] = {
    # developers.cloudflare.com/r2/pricing; deletes are free.
    "r2 class a": 4.50,
    "r2 class b": 0.36,
    # developers.cloudflare.com/queues/platform/pricing: each 64 KB written, read or deleted.
    "queue operations": 0.40,
    # developers.cloudflare.com/d1/platform/pricing
    "d1 rows written": 1.00,
    "d1 rows read": 0.001,
    # developers.cloudflare.com/workers/platform/pricing; a queue's batch is one request.
    "worker requests": 0.30,
    "worker cpu milliseconds": 0.02,
}
"""In US dollars, beyond what a plan includes."""
DOLLARS_PER_GB_MONTH: Final[Mapping[str, float]] = {"r2": 0.015, "d1": 0.75}
"""Storage (same pages)."""

PLAN_DOLLARS: Final = 5.0
"""The Workers plan, a month (developers.cloudflare.com/workers/platform/pricing)."""
INCLUDED_MILLIONS: Final[Mapping[str, float]] = {
    "r2 class a": 1,
    "r2 class b": 10,
    "queue operations": 1,
    "d1 rows written": 50,
    "d1 rows read": 25_000,
    "worker requests": 10,
    "worker cpu milliseconds": 30,
}
"""Millions a month within the plan (same pages)."""
INCLUDED_GB: Final[Mapping[str, float]] = {"r2": 10, "d1": 5}
"""Storage within the plan (same pages)."""

A_MESSAGE: Final[Mapping[str, float]] = {
    "r2 class a": 0.00317,
    "r2 class b": 0.0025,
    "queue operations": 0.009,
    "d1 rows written": 1.035,
    "d1 rows read": 7.55,
    "worker requests": 0.00317,
    "worker cpu milliseconds": 0.72,
}
"""What one message needs, as `make bench-cloudflare` counted over 6,000 real ones (2026-11-25)."""
CRON_ROWS_READ_A_MONTH: Final = 30 * 24 * 12 * 100
"""What the sweep reads, every five minutes, where nothing stands still; about a hundred rows each time."""
RAW_GB_A_MESSAGE: Final = 20_000 / 1e9 / 30
"""R2 in GB-months: 20 KB in the scope `text`, for a day at most."""
KEPT_GB_A_MESSAGE: Final = 50 / 1e9
"""D1 in GB for each month's messages: their keys, which stay."""
KEPT_MONTHS: Final = 12
"""How many months of keys an estimate counts: it is that of a stack a year old."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """US dollars: a month with what is included, and for a further million messages at list prices."""

    monthly: float
    per_million: float
    lines: tuple[str, ...]


class OverBudget(Exception):
    """The estimate is above the budget; the text says by how much, and what to do."""


def dollars(operations: Mapping[str, float]) -> float:
    """Return what operations cost, by the names of DOLLARS_PER_MILLION, with nothing included."""
    return sum(count * DOLLARS_PER_MILLION[name] for name, count in operations.items()) / 1_000_000


def estimate_cloudflare(messages: float) -> Estimate:
    """Return what so many messages a month cost in Cloudflare, Supabase and the fetcher's host left out."""
    operations = {name: messages * count for name, count in A_MESSAGE.items()}
    operations["d1 rows read"] += CRON_ROWS_READ_A_MONTH
    paid = {name: max(0.0, count - INCLUDED_MILLIONS[name] * 1_000_000) for name, count in operations.items()}
    stored = {"r2": messages * RAW_GB_A_MESSAGE, "d1": messages * KEPT_GB_A_MESSAGE * KEPT_MONTHS}
    storage = {name: max(0.0, size - INCLUDED_GB[name]) * DOLLARS_PER_GB_MONTH[name] for name, size in stored.items()}
    per_million = dollars({name: count * 1_000_000 for name, count in A_MESSAGE.items()})
    costs = {"the Workers plan": PLAN_DOLLARS}
    costs |= {name: dollars({name: count}) for name, count in paid.items()}
    costs |= {f"{name} storage": cost for name, cost in storage.items()}
    return Estimate(sum(costs.values()), per_million, _lines(costs))


def estimate_server(messages: float, server_dollars: float) -> Estimate:
    """Return what so many messages a month cost on a server of one price."""
    return Estimate(server_dollars, server_dollars * 1_000_000 / messages, _lines({"the server": server_dollars}))


def check_budget(estimate: Estimate, budget: float | None) -> None:
    """Raise OverBudget where a month costs more than the budget; None is no budget."""
    if budget is not None and estimate.monthly > budget:
        raise OverBudget(
            f"A month would cost ${estimate.monthly:.2f}, and leadminer:budgetDollars is ${budget:.2f} "
            f"({'; '.join(estimate.lines)}): raise it with `pulumi config set leadminer:budgetDollars "
            f"{estimate.monthly + 1:.0f}`, or lower leadminer:monthlyMessages."
        )


def _lines(costs: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{name} ${cost:.2f}" for name, cost in costs.items() if round(cost, 2) > 0)
