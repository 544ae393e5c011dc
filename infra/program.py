"""What `pulumi up` declares, whichever the mode: the cost first, then the stack, then what is told about both."""

from collections.abc import Mapping
from typing import Any, Protocol

import pulumi

from infra.config import Settings
from infra.cost import PRICES_AS_OF, Estimate, check_budget, estimate_cloudflare, estimate_server

README = """# leadminer: ${outputs.stack}

- Dollars a month: ${outputs.dollarsAMonth}, for a further million messages: ${outputs.dollarsPerMillionMessages}
- What to do with it: `docs/operate.md` in the checkout
"""


class Declared(Protocol):
    """A stack that has been declared."""

    def outputs(self) -> Mapping[str, Any]:
        """Return what it tells its people."""


def estimate(settings: Settings) -> Estimate:
    """Return what the stack will cost; raise OverBudget where that is above its budget."""
    messages = settings.number("monthlyMessages")
    if settings.mode == "cloudflare":
        found = estimate_cloudflare(messages)
    else:
        found = estimate_server(messages, settings.number("serverDollars"))
    check_budget(found, settings.number("budgetDollars") if settings["budgetDollars"] else None)
    return found


def export(settings: Settings, stack: Declared, cost: Estimate) -> None:
    """Export the outputs, and say the cost in the preview too."""
    monthly, million = f"{cost.monthly:.2f}", f"{cost.per_million:.2f}"
    pulumi.log.info(
        f"About ${monthly} a month for {settings.number('monthlyMessages'):,.0f} messages, ${million} for a further "
        f"million (prices of {PRICES_AS_OF}): {'; '.join(cost.lines) or 'no price is set'}."
    )
    told = {"dollarsAMonth": monthly, "dollarsPerMillionMessages": million, "stack": settings.stack, "readme": README}
    for name, value in {**stack.outputs(), **told}.items():
        pulumi.export(name, value)
