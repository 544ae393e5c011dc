"""The Pulumi program: reads the settings and declares one of the two kinds of stack."""

import gc
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Pulumi runs this folder as a script, not as a package.
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path).resolve() != HERE)]

import pulumi  # noqa: E402 - after the path is set

from infra.config import WrongSettings, read_config  # noqa: E402 - likewise
from infra.cost import OverBudget  # noqa: E402 - likewise
from infra.program import Declared, estimate, export  # noqa: E402 - likewise


def main() -> None:
    """Declare the stack that the settings ask for."""
    gc.disable()  # a run is short, and collecting the many objects of the providers' modules takes a quarter of it
    settings = read_config(os.environ)
    cost = estimate(settings)
    stack: Declared
    if settings.mode == "cloudflare":
        from infra.cloudflare.stack import CloudflareStack  # slow to import, so only when needed

        stack = CloudflareStack(settings)
    else:
        from infra.docker.stack import SelfHost

        stack = SelfHost(settings)
    export(settings, stack, cost)


try:
    main()
except (OverBudget, WrongSettings) as error:
    raise pulumi.RunError(str(error)) from None
