"""Pulumi's command line, as the pipeline runs it on a stack."""

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
    """Say all that would stop a deployment, each with its fix; raise StepFailed where there is any."""
    with environment() as environ:
        _check(stack, environ)


def update(stack: str, *, supabase: str | None = None) -> None:
    """Bring a stack up to what the checkout declares, made first where it is not there yet; policies hold.

    What would stop it half way is looked for before anything is made. Only the migrations of `supabase`, a connection
    string, come before that: they are append-only, and a Worker that is older works with them.
    """
    with environment() as environ:
        _select(stack, environ)
        if supabase:
            run([sys.executable, "-m", "processor", "migrate-permanent"], {"POSTGRES_CONNECTION_STRING": supabase})
        _check(stack, environ)
        Pulumi(stack, environ).run("up", "--yes", *_policies(stack))


def expect_no_changes(stack: str) -> None:
    """Raise CommandFailed where a further update would change something."""
    with environment() as environ:
        Pulumi(stack, environ).run("preview", "--expect-no-changes", "--diff")


def preview(stack: str) -> tuple[int, str]:
    """Return the exit code of a preview and what it prints, with the fetcher's image that is deployed now."""
    with environment() as environ:
        if not os.environ.get("FETCHER_IMAGE"):
            environ["FETCHER_IMAGE"] = _deployed_image(stack)
        return Pulumi(stack, environ).watch("preview", "--diff", *_policies(stack))


def look_for_drift(stack: str) -> tuple[int, str]:
    """Compare a stack's state with what is there: the exit code, which is not 0 where they differ, and the words."""
    with environment() as environ:
        return Pulumi(stack, environ).watch("refresh", "--preview-only", "--expect-no-changes", "--diff")


def outputs(stack: str, *, secrets: bool = False) -> dict[str, Any]:
    """Return a stack's outputs, the secret ones in the clear where they are asked for."""
    with environment() as environ:
        found = Pulumi(stack, environ).outputs(secrets=secrets)
    if not found:
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


def _select(stack: str, environ: Mapping[str, str]) -> None:
    try:
        run(["pulumi", "stack", "select", stack, "--create", "--non-interactive"], environ)
    except CommandFailed as failed:
        raise StepFailed(
            f"{failed} Needed is the command `pulumi`, logged in (`pulumi login`, or into a folder of yours "
            "`pulumi login file://…`), and for a state elsewhere than at Pulumi's own service "
            "PULUMI_CONFIG_PASSPHRASE: docs/self-host.md has each step."
        ) from None


def _check(stack: str, environ: Mapping[str, str]) -> None:
    try:
        run([sys.executable, "-W", "ignore", "-m", "infra.preflight", stack], environ)
    except CommandFailed:
        raise StepFailed(f"What stands in the way of {stack} is said above; nothing was made.") from None


def _deployed_image(stack: str) -> str:
    try:
        return str(outputs(stack).get("fetcherImage", ""))
    except (CommandFailed, StepFailed):
        return ""  # there is no such stack yet, or no way to it: what comes next says so


def _policies(stack: str) -> list[str]:
    """Return the options of the policy pack, with the stack's own settings of it where there are any."""
    own = f"{POLICIES}/{stack}.json"
    return ["--policy-pack", POLICIES, *(["--policy-pack-config", own] if (CHECKOUT / own).exists() else [])]
