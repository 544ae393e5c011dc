"""What Cloudflare's operations cost: list prices with their date and source, and the dollars that counted ones make."""

from collections.abc import Mapping
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


def dollars(operations: Mapping[str, float]) -> float:
    """Return what operations cost, by the names of DOLLARS_PER_MILLION, with nothing included."""
    return sum(count * DOLLARS_PER_MILLION[name] for name, count in operations.items()) / 1_000_000
