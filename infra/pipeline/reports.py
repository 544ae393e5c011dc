"""The pipeline's reports: the comment on a pull request, the issue about drift, the summary of a deployment."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from infra.commands import CHECKOUT
from infra.pipeline import engine
from infra.pipeline.failure import StepFailed
from infra.pipeline.github import GitHub, pull_request, write_summary

PREVIEW, DRIFT = "<!-- leadminer: preview -->", "<!-- leadminer: drift -->"
"""Hidden markers, by which the pipeline finds its comment or issue again."""
TITLE = "The stacks have drifted"
KINDS = (("Worker", "worker"), ("Queue", "queues"), ("D1", "database"), ("R2", "bucket"))
"""The kinds of resources in a summary, each with the stack output that has the names."""


def all_stacks() -> list[str]:
    """Return the stacks that have a file in the checkout, staging before production."""
    return [file.name.split(".")[1] for file in sorted(CHECKOUT.glob("Pulumi.*.yaml"), reverse=True)]


def cloudflare_stacks() -> list[str]:
    """Return the stacks whose files have the mode cloudflare."""
    texts = {stack: (CHECKOUT / f"Pulumi.{stack}.yaml").read_text("utf-8") for stack in all_stacks()}
    return [stack for stack, text in texts.items() if re.search(r"^\s+leadminer:mode: cloudflare$", text, re.MULTILINE)]


def preview(stacks: Sequence[str]) -> None:
    """Preview each stack, and comment on the pull request if there is one; raise StepFailed if a preview fails."""
    found = {stack: engine.preview(stack) for stack in stacks}
    number, github = pull_request(), GitHub.find()
    if github and number is not None:
        github.comment(number, PREVIEW, _sections(found, fine="Preview", wrong="The preview failed"))
    _raise_for(found, "could not be previewed")


def drift(stacks: Sequence[str]) -> None:
    """Compare each stack with its real resources; if any differ, keep one issue open and raise StepFailed."""
    found = {stack: engine.look_for_drift(stack) for stack in stacks}
    wrong = {stack: each for stack, each in found.items() if each[0]}
    if github := GitHub.find():
        text = _sections(wrong, fine="", wrong="The state differs from the real resources, or could not be compared")
        github.keep_issue(DRIFT, TITLE, text if wrong else None)
    _raise_for(found, "drifted, or could not be compared")


def summarise(stack: str) -> None:
    """Print a stack's resources, and add them to the summary page of the workflow run."""
    text = summary(stack, engine.outputs(stack))
    print(text)  # noqa: T201 (printing is its purpose)
    write_summary(text)


def summary(stack: str, outputs: Mapping[str, Any]) -> str:
    """Return a Markdown table of the stack's Worker, queues, database and bucket, with the monthly cost."""
    rows = []
    for kind, name in KINDS:
        named = outputs.get(name) or []
        rows += [f"| {kind} | `{each}` |" for each in ([named] if isinstance(named, str) else named)]
    if not rows:
        raise StepFailed(f"The stack {stack} has no Cloudflare resources. Deploy it first: make deploy STACK={stack}")
    cost = f"About ${outputs['dollarsAMonth']} per month; {outputs['processorUrl']}"
    return "\n".join([f"### {stack}", "", "| resource | name |", "| --- | --- |", *rows, "", cost])


def _sections(found: Mapping[str, tuple[int, str]], *, fine: str, wrong: str) -> str:
    return "\n\n".join(
        f"### {stack}\n\n{wrong if code else fine}:\n\n````text\n{printed.strip()}\n````"
        for stack, (code, printed) in found.items()
    )


def _raise_for(found: Mapping[str, tuple[int, str]], what: str) -> None:
    wrong = [stack for stack, (code, _) in found.items() if code]
    if wrong:
        raise StepFailed(f"{' and '.join(wrong)} {what}; see the output above.")
