"""What `pulumi up` declares, whichever the mode: the cost first, then the stack, then what is told about both."""

from collections.abc import Mapping
from typing import Any, Protocol

import pulumi

from infra.config import Settings
from infra.cost import PRICES_AS_OF, Estimate, check_budget, estimate_cloudflare, estimate_server
from infra.settings import NAMESPACE

README = """# leadminer: ${outputs.stack}

- Dollars a month: ${outputs.dollarsAMonth}, for a further million messages: ${outputs.dollarsPerMillionMessages}
- What to do with it: `docs/operations.md` in the checkout
"""


UNKNOWN = "not known"


class Declared(Protocol):
    """A stack that has been declared."""

    def outputs(self) -> Mapping[str, Any]:
        """Return what it tells its people."""


def estimate(settings: Settings) -> Estimate | None:
    """Return what the stack will cost, None where nobody has said; raise OverBudget where that is above its budget."""
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
    """Export the outputs, and say the cost in the preview too."""
    monthly = f"{cost.monthly:.2f}" if cost else UNKNOWN
    million = f"{cost.per_million:.2f}" if cost else UNKNOWN
    if cost:
        pulumi.log.info(
            f"About ${monthly} a month for {settings.number('monthlyMessages'):,.0f} messages, ${million} for a "
            f"further million (prices of {PRICES_AS_OF}): {'; '.join(cost.lines) or 'nothing is paid'}."
        )
    else:
        pulumi.log.info(f"What a month costs is {UNKNOWN}: pulumi config set {NAMESPACE}:serverDollars 20")
    told = {"dollarsAMonth": monthly, "dollarsPerMillionMessages": million, "stack": settings.stack, "readme": README}
    for name, value in {**stack.outputs(), **told}.items():
        pulumi.export(name, value)
