"""What a stack costs: list prices with date and source, what one message uses, and the budget check."""

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
"""US dollars, beyond what the plan includes."""
DOLLARS_PER_GB_MONTH: Final[Mapping[str, float]] = {"r2": 0.015, "d1": 0.75}
"""Storage (same pages)."""

PLAN_DOLLARS: Final = 5.0
"""The Workers plan, per month (developers.cloudflare.com/workers/platform/pricing)."""
INCLUDED_MILLIONS: Final[Mapping[str, float]] = {
    "r2 class a": 1,
    "r2 class b": 10,
    "queue operations": 1,
    "d1 rows written": 50,
    "d1 rows read": 25_000,
    "worker requests": 10,
    "worker cpu milliseconds": 30,
}
"""Millions per month that the plan includes (same pages)."""
INCLUDED_GB: Final[Mapping[str, float]] = {"r2": 10, "d1": 5}
"""Storage that the plan includes (same pages)."""

A_MESSAGE: Final[Mapping[str, float]] = {
    "r2 class a": 0.00317,
    "r2 class b": 0.0025,
    "queue operations": 0.009,
    "d1 rows written": 1.035,
    "d1 rows read": 7.55,
    "worker requests": 0.00317,
    "worker cpu milliseconds": 0.72,
}
"""What one message uses, as `make bench-cloudflare` counted over 6,000 real ones (2026-11-25)."""
CRON_ROWS_READ_A_MONTH: Final = 30 * 24 * 12 * 100
"""What the sweep reads when no mining is stuck: about a hundred rows, every five minutes."""
RAW_GB_A_MESSAGE: Final = 20_000 / 1e9 / 30
"""R2, in GB-months: 20 KB in the scope `text`, kept for a day at most."""
KEPT_GB_A_MESSAGE: Final = 50 / 1e9
"""D1, in GB: the message key, which stays."""
KEPT_MONTHS: Final = 12
"""Months of message keys that an estimate counts, as for a stack that is a year old."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """US dollars: per month after what the plan includes, and per further million messages at list prices."""

    monthly: float
    per_million: float
    lines: tuple[str, ...]


class OverBudget(Exception):
    """The estimate exceeds the budget; the text has both amounts and says what to do."""


def dollars(operations: Mapping[str, float]) -> float:
    """Return what operations cost at list prices; their names are those of DOLLARS_PER_MILLION."""
    return sum(count * DOLLARS_PER_MILLION[name] for name, count in operations.items()) / 1_000_000


def estimate_cloudflare(messages: float) -> Estimate:
    """Return what this many messages per month cost on Cloudflare, without Supabase and the fetcher's host."""
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
    """Return what this many messages per month cost on a server with a fixed price."""
    return Estimate(server_dollars, server_dollars * 1_000_000 / messages, _lines({"the server": server_dollars}))


def check_budget(estimate: Estimate, budget: float | None) -> None:
    """Raise OverBudget if a month costs more than the budget; None means no budget."""
    if budget is not None and estimate.monthly > budget:
        raise OverBudget(
            f"The stack would cost ${estimate.monthly:.2f} per month, but leadminer:budgetDollars is ${budget:.2f} "
            f"({'; '.join(estimate.lines)}). Raise the budget with `pulumi config set leadminer:budgetDollars "
            f"{estimate.monthly + 1:.0f}`, or lower leadminer:monthlyMessages."
        )


def _lines(costs: Mapping[str, float]) -> tuple[str, ...]:
    return tuple(f"{name} ${cost:.2f}" for name, cost in costs.items() if round(cost, 2) > 0)
