"""The stand-in for GitHub's runner runs jobs in the order of their needs and passes outputs and secrets on."""

from pathlib import Path

import pytest

from tests.support.workflows import WORKFLOWS, Runner, WorkflowFailed, read_workflow

SAMPLE = """
name: Sample
on:
  push:
permissions: {}
jobs:
  last:
    needs: [first, second]
    runs-on: ubuntu-24.04
    steps:
      - run: echo "last has $GREETING and $KEY and '$ABSENT'"
        env:
          GREETING: ${{ needs.first.outputs.greeting }}
          KEY: ${{ secrets.KEY }}
          ABSENT: ${{ secrets.ABSENT }}
  second:
    needs: first
    runs-on: ubuntu-24.04
    steps:
      - run: echo "second in $PWD"; echo "# Summary" >> "$GITHUB_STEP_SUMMARY"
  first:
    runs-on: ubuntu-24.04
    outputs:
      greeting: ${{ steps.greet.outputs.text }}
    steps:
      - uses: somebody/something@main
      - id: greet
        run: echo "text=good day" >> "$GITHUB_OUTPUT"
"""


def write(folder: Path, text: str) -> Path:
    """Write a workflow and return its file."""
    file = folder / "sample.yml"
    file.write_text(text, "utf-8")
    return file


def runner(folder: Path) -> Runner:
    """Return a runner in a folder, with one secret."""
    return Runner(folder, {"PATH": "/usr/bin:/bin"}, {"KEY": "a key"})


def test_jobs_run_after_those_that_they_need(tmp_path: Path) -> None:
    """Outputs pass from job to job, a missing secret is empty, and each step starts in the checkout."""
    ran = runner(tmp_path).run(read_workflow(write(tmp_path, SAMPLE)))

    assert [each.job for each in ran] == ["first", "second", "last"]
    assert ran[1].printed == f"second in {tmp_path}\n# Summary\n"
    assert ran[2].printed == "last has good day and a key and ''\n"


def test_the_first_failure_ends_it(tmp_path: Path) -> None:
    """The error names the step that failed and shows its output."""
    workflow = read_workflow(write(tmp_path, SAMPLE.replace('echo "second in $PWD"', "echo wrong; false")))

    with pytest.raises(WorkflowFailed, match=r"second: echo wrong.*\n.*wrong"):
        runner(tmp_path).run(workflow)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("needs: first", "needs: last", "wait for each other"),
        ("needs: first", "needs: nobody", "wait for each other"),
        ("id: greet", "if: always()\n        id: greet", "does not know if"),
        ("runs-on: ubuntu-24.04\n    outputs", "strategy: {}\n    outputs", "does not know strategy"),
    ],
)
def test_what_it_does_not_know_is_an_error(tmp_path: Path, old: str, new: str, said: str) -> None:
    """Unknown keys and unmet needs in a workflow are errors."""
    with pytest.raises(WorkflowFailed, match=said):
        read_workflow(write(tmp_path, SAMPLE.replace(old, new)))


def test_an_unknown_expression_is_an_error(tmp_path: Path) -> None:
    """An unknown expression does not become an empty string."""
    workflow = read_workflow(write(tmp_path, SAMPLE.replace("secrets.KEY", "vars.KEY")))

    with pytest.raises(WorkflowFailed, match=r"does not know vars\.KEY"):
        runner(tmp_path).run(workflow)


def test_the_deployments_lines_get_what_they_need(tmp_path: Path) -> None:
    """Each line of the deployment runs `make` in order, with the secrets it needs and the published image."""
    make = tmp_path / "make"
    make.write_text(
        "#!/bin/sh\n"
        '[ "$1" = publish ] && echo "fetcher=registry.example.org/fetcher@sha256:0" >> "$GITHUB_OUTPUT"\n'
        'echo "$* | ${FETCHER_IMAGE:-} | ${SUPABASE_SERVICE_KEY:-} | ${GITHUB_TOKEN:-}"\n'
    )
    make.chmod(0o755)
    given = Runner(tmp_path, {"PATH": f"{tmp_path}:/usr/bin:/bin"}, {"SUPABASE_SERVICE_KEY": "key"}, {"token": "token"})

    ran = given.run(read_workflow(WORKFLOWS / "cloudflare-deploy.yml"))

    image = "registry.example.org/fetcher@sha256:0"
    assert [each.printed.strip() for each in ran] == [
        "publish |  |  | token",
        "unit |  |  |",
        f"deploy STACK=staging | {image} | key |",
        "summary STACK=staging |  |  |",
        "smoke STACK=staging |  |  |",
        f"deploy STACK=production | {image} | key |",
        "summary STACK=production |  |  |",
        f"expect-no-changes STACK=production | {image} | key |",
        "release |  |  | token",
    ]
