"""`python -m infra.preflight STACK`: everything that would stop a deployment, all at once, each with its fix."""

import datetime
import os
import sys
from collections.abc import Iterator, Mapping

from infra.commands import CommandFailed, Pulumi, capture
from infra.config import Settings, WrongSettings, judge
from infra.preflight.findings import Finding
from infra.preflight.host import check_host
from infra.preflight.needs import check_major, needs_of_fetcher, needs_of_server
from infra.settings import NAMESPACE, SECRETS

EARLIEST_YEAR = 2026
"""A clock in an earlier year is wrong: certificates would not be valid yet."""


def main(arguments: list[str]) -> int:
    """Print the findings; return 1 if one of them stops the deployment, 2 for a wrong command line."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m infra.preflight STACK\n")
        return 2
    found = list(look(arguments[0], os.environ))
    for finding in found:
        sys.stdout.write(f"{finding}\n")
    if any(finding.stops for finding in found):
        return 1
    sys.stdout.write(f"The stack {arguments[0]} is ready to deploy.\n")
    return 0


def look(stack: str, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield all findings for a stack."""
    year = datetime.datetime.now(datetime.UTC).year
    if year < EARLIEST_YEAR:
        yield Finding(f"This machine's clock says {year}.", "Set it with NTP: `timedatectl set-ntp true`.")
    try:
        capture(["pulumi", "version"])
    except CommandFailed as failed:
        yield Finding(
            str(failed), "Install Pulumi (its documentation has a command for each system) and run this again."
        )
        return
    try:
        settings, faults = read_settings(stack, environ)
    except CommandFailed as failed:
        yield Finding(
            f"Cannot read the settings of the stack {stack}: {failed}",
            f"Run `pulumi login`. If the stack is new, run `pulumi stack init {stack}`. If it has a passphrase, set "
            "PULUMI_CONFIG_PASSPHRASE.",
        )
        return
    except WrongSettings as wrong:
        settings, faults = None, wrong.faults
    for fault in faults:
        problem, _, fix = fault.partition(": pulumi config")
        yield Finding(problem, f"pulumi config{fix}")
    if settings is not None:
        yield from check_surroundings(settings, environ)


def check_surroundings(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is wrong outside the settings."""
    if settings.mode == "postgresql":
        yield from check_host(settings["dockerHost"], needs_of_server(settings))
        if (finding := check_major(settings)) is not None:
            yield finding
        return
    # Slow to import, so only when needed.
    from infra.preflight.account import check_account
    from infra.preflight.storage import check_storage
    from infra.preflight.supabase import check_supabase

    if settings["accountId"]:
        yield from check_account(settings, environ)
        yield from check_storage(settings, environ)
    yield from check_supabase(settings)
    if settings["fetcher"] == "host" and settings["fetcherHost"]:
        yield from check_host(settings["fetcherHost"], needs_of_fetcher(settings))


def read_settings(stack: str, environ: Mapping[str, str]) -> tuple[Settings, list[str]]:
    """Return a stack's settings as the program will read them, and their faults.

    Raises CommandFailed if Pulumi cannot read them, and WrongSettings if the mode is unknown.
    """
    prefix = f"{NAMESPACE}:"
    given = {
        name.removeprefix(prefix): each
        for name, each in Pulumi(stack).config(secrets=True).items()
        if name.startswith(prefix)
    }
    values = {name: str(each.get("value", "")) for name, each in given.items()}
    plain = {name: value for name, value in values.items() if name not in SECRETS}
    hidden = {name: value for name, value in values.items() if name in SECRETS}
    clear = {name for name in hidden if not given[name].get("secret")}
    return judge(stack, plain, hidden, environ, clear=clear)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
