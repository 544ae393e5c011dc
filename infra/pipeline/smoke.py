"""The smoke mining: a mining through a deployed stack, with the fetcher's command line on this machine."""

import os
import sys
from collections.abc import Mapping
from typing import Any

from infra.commands import run
from infra.pipeline import engine
from infra.pipeline.failure import StepFailed

CREDENTIALS = ("CLOUDFLARE_API_TOKEN", "CLOUDFLARE_R2_ACCESS_KEY_ID", "CLOUDFLARE_R2_SECRET_ACCESS_KEY")
"""Credentials that are not among a stack's outputs; whoever mines already has them."""
ELSEWHERE = ("CLOUDFLARE_BASE_URL", "CLOUDFLARE_R2_ENDPOINT")
"""Where Cloudflare's APIs are, if not at their usual addresses."""


def smoke(stack: str) -> None:
    """Mine the demo's mailbox as the user `smoke`, check the ledger, and erase the user in any case."""
    run([sys.executable, "-m", "demo.smoke"], settings(engine.outputs(stack, secrets=True), os.environ))


def settings(outputs: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings for a fetcher of a stack, from its outputs, and the credentials from the environment."""
    told = outputs.get("fetcherSettings")
    if not told:
        raise StepFailed("The stack has no output fetcherSettings: a smoke mining needs a Cloudflare stack.")
    missing = [name for name in CREDENTIALS if not environ.get(name)]
    if missing:
        raise StepFailed(f"Not set: {', '.join(missing)}. The fetcher needs them to write to R2 and the queue.")
    return {**told, **{name: environ[name] for name in (*CREDENTIALS, *ELSEWHERE) if environ.get(name)}}
