"""Runs Pulumi's command line on a stack."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from infra.commands import CHECKOUT, CommandFailed, Pulumi, run
from infra.pipeline.failure import StepFailed
from infra.pipeline.ssh import use_key

POLICIES = "infra/policy_pack"


def check(stack: str) -> None:
    """Print everything that would stop a deployment, each with its fix; raise StepFailed if there is anything."""
    with environment() as environ:
        _check(stack, environ)


def update(stack: str, *, supabase: str | None = None) -> None:
    """Deploy what the checkout declares, under the policies; create the stack if it does not exist.

    The preflight checks come first, so that a deployment does not fail halfway. Only the migrations of `supabase`, a
    connection string, run before them: migrations are append-only, and an older Worker works with them.
    """
    with environment() as environ:
        _select(stack, environ)
        if supabase:
            run([sys.executable, "-m", "processor", "migrate-permanent"], {"POSTGRES_CONNECTION_STRING": supabase})
        _check(stack, environ)
        Pulumi(stack, environ).run("up", "--yes", *_policies(stack))


def expect_no_changes(stack: str) -> None:
    """Raise CommandFailed if another update would change anything."""
    with environment() as environ:
        Pulumi(stack, environ).run("preview", "--expect-no-changes", "--diff")


def preview(stack: str) -> tuple[int, str]:
    """Return a preview's exit code and output; the fetcher's image is the deployed one, unless FETCHER_IMAGE is set."""
    with environment() as environ:
        if not os.environ.get("FETCHER_IMAGE"):
            environ["FETCHER_IMAGE"] = _deployed_image(stack)
        return Pulumi(stack, environ).watch("preview", "--diff", *_policies(stack))


def look_for_drift(stack: str) -> tuple[int, str]:
    """Compare a stack's state with the real resources; return the exit code, not 0 if they differ, and the output."""
    with environment() as environ:
        return Pulumi(stack, environ).watch("refresh", "--preview-only", "--expect-no-changes", "--diff")


def outputs(stack: str, *, secrets: bool = False) -> dict[str, Any]:
    """Return a stack's outputs, with secret values in plain text if asked for; raise StepFailed if there are none."""
    with environment() as environ:
        found = Pulumi(stack, environ).outputs(secrets=secrets)
    if not found:
        raise StepFailed(f"The stack {stack} has no outputs. Deploy it first: make deploy STACK={stack}")
    return found


@contextmanager
def environment() -> Iterator[dict[str, str]]:
    """Yield extra variables for Pulumi: the keys of the state's bucket, and the ssh agent for the fetcher's host."""
    with ExitStack() as held:
        found = state_credentials(os.environ)
        if key := os.environ.get("FETCHER_SSH_KEY"):
            found |= held.enter_context(use_key(key, os.environ.get("FETCHER_SSH_KNOWN_HOSTS", "")))
        yield found


def state_credentials(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of a state in R2, under the names that Pulumi's S3 backend expects."""
    if not environ.get("PULUMI_BACKEND_URL", "").startswith("s3://") or environ.get("AWS_ACCESS_KEY_ID"):
        return {}
    names = {
        "AWS_ACCESS_KEY_ID": "CLOUDFLARE_R2_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY": "CLOUDFLARE_R2_SECRET_ACCESS_KEY",
    }
    return {theirs: environ[ours] for theirs, ours in names.items() if environ.get(ours)}


def _select(stack: str, environ: Mapping[str, str]) -> None:
    try:
        run(["pulumi", "stack", "select", stack, "--create", "--non-interactive"], environ)
    except CommandFailed as failed:
        raise StepFailed(
            f"{failed} Install Pulumi and log in with `pulumi login`, or with `pulumi login file://…` to keep the "
            "state in a folder. Unless the state is at Pulumi's own service, also set PULUMI_CONFIG_PASSPHRASE. "
            "Each step is in docs/self-host.md."
        ) from None


def _check(stack: str, environ: Mapping[str, str]) -> None:
    try:
        run([sys.executable, "-W", "ignore", "-m", "infra.preflight", stack], environ)
    except CommandFailed:
        raise StepFailed(
            f"{stack} cannot be deployed until the problems above are fixed. Nothing was deployed."
        ) from None


def _deployed_image(stack: str) -> str:
    try:
        return str(outputs(stack).get("fetcherImage", ""))
    except (CommandFailed, StepFailed):
        return ""  # the stack does not exist or cannot be reached: the preview will report it


def _policies(stack: str) -> list[str]:
    """Return the options for the policy pack, with the stack's own policy settings if it has any."""
    own = f"{POLICIES}/{stack}.json"
    return ["--policy-pack", POLICIES, *(["--policy-pack-config", own] if (CHECKOUT / own).exists() else [])]
