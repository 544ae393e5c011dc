"""What `pulumi up` does in both modes: estimates the cost, declares the stack, exports the outputs."""

from collections.abc import Mapping
from typing import Any, Protocol

import pulumi

from infra.config import Settings
from infra.cost import PRICES_AS_OF, Estimate, check_budget, estimate_cloudflare, estimate_server
from infra.settings import NAMESPACE

README = """# leadminer: ${outputs.stack}

- Dollars per month: ${outputs.dollarsAMonth}; per further million messages: ${outputs.dollarsPerMillionMessages}
- How to use and operate it: `docs/operations.md` in the checkout
"""


UNKNOWN = "not known"


class Declared(Protocol):
    """A stack that has been declared."""

    def outputs(self) -> Mapping[str, Any]:
        """Return the stack's outputs."""


def estimate(settings: Settings) -> Estimate | None:
    """Return what the stack will cost, None if that is not known; raise OverBudget if it exceeds the budget."""
    messages = settings.number("monthlyMessages")
    if settings.mode == "cloudflare":
        found = estimate_cloudflare(messages)
    elif settings["serverDollars"]:
        found = estimate_server(messages, settings.number("serverDollars"))
    else:
        return None
    check_budget(found, settings.number("budgetDollars") if settings["budgetDollars"] else None)
    return found


def export(settings: Settings, stack: Declared, cost: Estimate | None) -> None:
    """Export the outputs, and show the cost in the preview too."""
    monthly = f"{cost.monthly:.2f}" if cost else UNKNOWN
    million = f"{cost.per_million:.2f}" if cost else UNKNOWN
    if cost:
        pulumi.log.info(
            f"About ${monthly} per month for {settings.number('monthlyMessages'):,.0f} messages, ${million} per "
            f"further million (prices of {PRICES_AS_OF}): {'; '.join(cost.lines) or 'free'}."
        )
    else:
        pulumi.log.info(f"The monthly cost is {UNKNOWN}: pulumi config set {NAMESPACE}:serverDollars 20")
    told = {"dollarsAMonth": monthly, "dollarsPerMillionMessages": million, "stack": settings.stack, "readme": README}
    for name, value in {**stack.outputs(), **told}.items():
        pulumi.export(name, value)
