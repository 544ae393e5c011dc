"""A mining through a stack that has just been deployed, by the fetcher's command line on this machine."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from infra.commands import run
from infra.pipeline import engine
from infra.pipeline.failure import StepFailed

CREDENTIALS = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_R2_ACCESS_KEY_ID", "CLOUDFLARE_R2_SECRET_ACCESS_KEY")
"""What a stack does not tell: whoever mines has them already."""
ELSEWHERE = ("CLOUDFLARE_BASE_URL", "CLOUDFLARE_R2_ENDPOINT")
"""Where Cloudflare's APIs are, where that is not where they always are."""


def smoke(stack: str) -> None:
    """Mine the demo's mailbox as the user `smoke`, check its ledger, and erase the user, however it went."""
    run([sys.executable, "-m", "demo.smoke"], settings(engine.outputs(stack, secrets=True), os.environ))


def settings(outputs: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a fetcher of a stack: what its outputs say, and the credentials out of the environment."""
    told = outputs.get("fetcherSettings")
    if not told:
        raise StepFailed("The stack tells no settings of a fetcher: a smoke mining is for stacks in Cloudflare.")
    missing = [name for name in CREDENTIALS if not environ.get(name)]
    if missing:
        raise StepFailed(f"Not set: {', '.join(missing)}. A fetcher needs them to store and to enqueue.")
    return {**told, **{name: environ[name] for name in (*CREDENTIALS, *ELSEWHERE) if environ.get(name)}}
