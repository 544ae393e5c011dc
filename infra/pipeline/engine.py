"""Pulumi's command line, as the pipeline runs it on a stack."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from infra.pipeline.commands import CHECKOUT, StepFailed, capture, run, watch
from infra.pipeline.ssh import use_key

POLICIES = "infra/policy_pack"
OUTPUTS = ("stack", "output", "--json")


def update(stack: str) -> None:
    """Bring a stack up to what the checkout declares, made first where it is not there yet; policies hold."""
    with environment() as environ:
        run(["pulumi", "stack", "select", stack, "--create", "--non-interactive"], environ)
        run(["pulumi", "up", "--yes", *_on(stack), *_policies(stack)], environ)


def expect_no_changes(stack: str) -> None:
    """Raise StepFailed where a further update would change something."""
    with environment() as environ:
        run(["pulumi", "preview", "--expect-no-changes", "--diff", *_on(stack)], environ)


def preview(stack: str) -> tuple[int, str]:
    """Return the exit code of a preview and what it prints, with the fetcher's image that is deployed now."""
    with environment() as environ:
        if not os.environ.get("FETCHER_IMAGE"):
            environ["FETCHER_IMAGE"] = _deployed_image(stack)
        return watch(["pulumi", "preview", "--diff", *_on(stack), *_policies(stack)], environ)


def look_for_drift(stack: str) -> tuple[int, str]:
    """Compare a stack's state with what is there: the exit code, which is not 0 where they differ, and the words."""
    with environment() as environ:
        return watch(["pulumi", "refresh", "--preview-only", "--expect-no-changes", "--diff", *_on(stack)], environ)


def outputs(stack: str, *, secrets: bool = False) -> dict[str, Any]:
    """Return a stack's outputs, the secret ones in the clear where they are asked for."""
    shown = ["--show-secrets"] if secrets else []
    with environment() as environ:
        found = json.loads(capture(["pulumi", *OUTPUTS, *shown, "--stack", stack], environ))
    if not isinstance(found, dict):
        raise StepFailed(f"The stack {stack} has no outputs: make deploy STACK={stack}")
    return found


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Yield what Pulumi needs besides the environment: the way into the state's bucket and to the fetcher's host."""
    with ExitStack() as held:
        found = state_credentials(os.environ)
        if key := os.environ.get("FETCHER_SSH_KEY"):
            found |= held.enter_context(use_key(key, os.environ.get("FETCHER_SSH_KNOWN_HOSTS", "")))
        yield found


def state_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of a state that lies in R2, under the names that Pulumi's S3 backend knows."""
    if not environ.get("PULUMI_BACKEND_URL", "").startswith("s3://") or environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    names = {
        "AWS_ACCESS_KEY_ID": "CLOUDFLARE_R2_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY": "CLOUDFLARE_R2_SECRET_ACCESS_KEY",
    }
    return {theirs: environ[ours] for theirs, ours in names.items() if environ.get(ours)}


def _deployed_image(stack: str) -> str:
    try:
        return str(outputs(stack).get("fetcherImage", ""))
    except StepFailed:
        return ""  # there is no such stack yet, or no way to it: what comes next says so


def _on(stack: str) -> list[str]:
    return ["--stack", stack, "--non-interactive"]


def _policies(stack: str) -> list[str]:
    """Return the options of the policy pack, with the stack's own settings of it where there are any."""
    own = f"{POLICIES}/{stack}.json"
    return ["--policy-pack", POLICIES, *(["--policy-pack-config", own] if (CHECKOUT / own).exists() else [])]
