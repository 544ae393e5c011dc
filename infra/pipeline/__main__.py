"""`python -m infra.pipeline STEP [ARGUMENT …]`: the steps of the pipeline, as the Makefile calls them."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from infra.bundle import UnfitBundle
from infra.commands import CommandFailed
from infra.pipeline import engine, pins, release, reports, services, smoke
from infra.pipeline.failure import StepFailed
from infra.vendored import VendoringFailed

Step = Callable[[Sequence[str]], None]


def deploy(stack: str) -> None:
    """Deploy a stack, if everything it is built from is pinned and preflight finds no problem."""
    pins.check_pins()
    engine.update(stack, supabase=os.environ.get("SUPABASE_DB_URL") if stack in reports.cloudflare_stacks() else None)


def on_stack(step: Callable[[str], None]) -> Step:
    """Return a step that takes the name of one stack."""

    def call(arguments: Sequence[str]) -> None:
        if len(arguments) != 1:
            raise StepFailed(f"Name one stack, such as STACK=staging. Stacks: {', '.join(reports.all_stacks())}.")
        step(arguments[0])

    return call


def on_stacks(step: Callable[[Sequence[str]], None]) -> Step:
    """Return a step that takes names of stacks, by default those of all Cloudflare stacks."""
    return lambda arguments: step(arguments or reports.cloudflare_stacks())


def printed(step: Callable[[Sequence[str]], Iterable[str]]) -> Step:
    """Return a step that prints what it yields."""

    def call(arguments: Sequence[str]) -> None:
        for line in step(arguments):
            print(line, flush=True)  # noqa: T201 (printing is its purpose)

    return call


STEPS: Mapping[str, Step] = {
    "bundle": printed(lambda _: services.build_bundle()),
    "deploy": on_stack(deploy),
    "drift": on_stacks(reports.drift),
    "expect-no-changes": on_stack(engine.expect_no_changes),
    "images": lambda _: services.build_images(),
    "pin": printed(pins.pin),
    "preflight": on_stack(engine.check),
    "preview": on_stacks(reports.preview),
    "publish": printed(lambda _: [services.publish_fetcher()]),
    "release": printed(lambda _: [release.release()]),
    "smoke": on_stack(smoke.smoke),
    "summary": on_stack(reports.summarise),
}


def main(step: str, *arguments: str) -> int:
    """Run a step and return the exit code."""
    try:
        STEPS[step](arguments)
    except (CommandFailed, StepFailed, UnfitBundle, VendoringFailed) as error:
        print(f"make {step}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
