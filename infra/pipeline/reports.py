"""What the pipeline tells people: the comment of a pull request, the issue about drift, the summary of a deployment."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from infra.commands import CHECKOUT
from infra.pipeline import engine
from infra.pipeline.failure import StepFailed
from infra.pipeline.github import GitHub, pull_request, write_summary

PREVIEW, DRIFT = "<!-- leadminer: preview -->", "<!-- leadminer: drift -->"
"""Markers by which a comment or an issue is found again; nobody sees them."""
TITLE = "The stacks have drifted"
KINDS = (("Worker", "worker"), ("Queue", "queues"), ("D1", "database"), ("R2", "bucket"))
"""What a summary lists, with the stack's output that names it."""


def all_stacks() -> list[str]:
    """Return the stacks that the checkout has a file of, staging before production."""
    return [file.name.split(".")[1] for file in sorted(CHECKOUT.glob("Pulumi.*.yaml"), reverse=True)]


def cloudflare_stacks() -> list[str]:
    """Return those that are in Cloudflare, by what their files say."""
    texts = {stack: (CHECKOUT / f"Pulumi.{stack}.yaml").read_text("utf-8") for stack in all_stacks()}
    return [stack for stack, text in texts.items() if re.search(r"^\s+leadminer:mode: cloudflare$", text, re.MULTILINE)]


def preview(stacks: Sequence[str]) -> None:
    """Preview each stack, and say so in one comment where there is a pull request; raise StepFailed if one fails."""
    found = {stack: engine.preview(stack) for stack in stacks}
    number, github = pull_request(), GitHub.find()
    if github and number is not None:
        github.comment(number, PREVIEW, _sections(found, fine="Previewed", wrong="The preview failed"))
    _raise_for(found, "could not be previewed")


def drift(stacks: Sequence[str]) -> None:
    """Compare each stack with what is there, and keep one issue while one differs; raise StepFailed then."""
    found = {stack: engine.look_for_drift(stack) for stack in stacks}
    wrong = {stack: each for stack, each in found.items() if each[0]}
    if github := GitHub.find():
        text = _sections(wrong, fine="", wrong="Differs from what is there, or could not be compared")
        github.keep_issue(DRIFT, TITLE, text if wrong else None)
    _raise_for(found, "differs from what is there, or could not be compared")


def summarise(stack: str) -> None:
    """Print what a stack consists of, and add it to the page of the workflow's run."""
    text = summary(stack, engine.outputs(stack))
    print(text)  # noqa: T201 (what it is for)
    write_summary(text)


def summary(stack: str, outputs: Mapping[str, Any]) -> str:
    """Return a table of Workers, Queues, D1 and R2, in the order in which they depend on each other."""
    rows = []
    for kind, name in KINDS:
        named = outputs.get(name) or []
        rows += [f"| {kind} | `{each}` |" for each in ([named] if isinstance(named, str) else named)]
    if not rows:
        raise StepFailed(f"The stack {stack} has nothing in Cloudflare to list: make deploy STACK={stack}")
    cost = f"About ${outputs['dollarsAMonth']} a month; {outputs['processorUrl']}"
    return "\n".join([f"### {stack}", "", "| resource | name |", "| --- | --- |", *rows, "", cost])


def _sections(found: Mapping[str, tuple[int, str]], *, fine: str, wrong: str) -> str:
    return "\n\n".join(
        f"### {stack}\n\n{wrong if code else fine}:\n\n````text\n{printed.strip()}\n````"
        for stack, (code, printed) in found.items()
    )


def _raise_for(found: Mapping[str, tuple[int, str]], what: str) -> None:
    wrong = [stack for stack, (code, _) in found.items() if code]
    if wrong:
        raise StepFailed(f"{' and '.join(wrong)} {what}; the reason stands above.")
