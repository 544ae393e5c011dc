"""The workflows as GitHub runs them: each job after the jobs it needs, with its `run:` lines in order.

Stands in for GitHub's runner: anything in a workflow that it does not know is an error.
"""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

CHECKOUT = Path(__file__).resolve().parents[2]
WORKFLOWS = CHECKOUT / ".github" / "workflows"
JOB_KEYS = {"concurrency", "environment", "if", "name", "needs", "outputs", "permissions", "runs-on", "steps"}
STEP_KEYS = {"env", "id", "name", "run", "uses", "with"}
_EXPRESSION = re.compile(r"\$\{\{\s*([^}]*?)\s*\}\}")


class WorkflowFailed(AssertionError):
    """A step failed, or a workflow contains something that this runner does not know."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a shell command or an action; expressions in `env` and `options` are not yet expanded."""

    run: str
    uses: str
    env: Mapping[str, str]
    options: Mapping[str, Any]
    id: str


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a workflow."""

    name: str
    needs: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: Mapping[str, str]
    raw: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow, with its jobs in an order in which they can run."""

    name: str
    jobs: tuple[Job, ...]
    raw: Mapping[str, Any]

    @property
    def triggers(self) -> set[str]:
        """Return the events that trigger the workflow."""
        return set(self.raw["on"])

    @property
    def steps(self) -> list[Step]:
        """Return all steps, job after job."""
        return [step for job in self.jobs for step in job.steps]


@dataclass(frozen=True, slots=True)
class Ran:
    """What a step ran, and what it printed."""

    job: str
    run: str
    printed: str


@dataclass
class Runner:
    """Runs a workflow in a checkout; `environ` is the machine's environment, including the PATH to the tools."""

    checkout: Path
    environ: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict)
    github: Mapping[str, str] = field(default_factory=dict)
    timeout_seconds: float = 1800
    prefix: Sequence[str] = ()
    """The words in front of the command that starts the shell."""

    def run(self, workflow: Workflow) -> list[Ran]:
        """Run all jobs, one after another, and return what ran; raise WorkflowFailed at the first failing step."""
        known = {f"secrets.{name}": value for name, value in self.secrets.items()}
        known |= {f"github.{name}": value for name, value in self.github.items()}
        return [ran for job in workflow.jobs for ran in self._run_job(job, known)]

    def _run_job(self, job: Job, known: dict[str, str]) -> Iterator[Ran]:
        own = dict(known)
        for step in job.steps:
            if not step.run:
                continue
            environ = {name: expand(str(value), own) for name, value in step.env.items()}
            printed, outputs = self._run_step(job, step, environ)
            own |= {f"steps.{step.id}.outputs.{name}": value for name, value in outputs.items()}
            yield Ran(job.name, step.run, printed)
        for name, value in job.outputs.items():
            known[f"needs.{job.name}.outputs.{name}"] = expand(value, own)

    def _run_step(self, job: Job, step: Step, environ: Mapping[str, str]) -> tuple[str, dict[str, str]]:
        with tempfile.TemporaryDirectory(prefix="lm-step-") as folder:
            files = {name: Path(folder) / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
            for file in files.values():
                file.touch()
            done = subprocess.run(
                [*self.prefix, "bash", "-e", "-c", step.run],
                cwd=self.checkout,
                env={**self.environ, **environ, **{name: str(file) for name, file in files.items()}},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=self.timeout_seconds,
                check=False,
            )
            printed = done.stdout + files["GITHUB_STEP_SUMMARY"].read_text("utf-8")
            if done.returncode:
                raise WorkflowFailed(f"{job.name}: {step.run} exited with {done.returncode}:\n{printed[-5000:]}")
            lines = files["GITHUB_OUTPUT"].read_text("utf-8").splitlines()
        return printed, dict(line.split("=", 1) for line in lines)


def read_workflows(folder: Path = WORKFLOWS) -> dict[str, Workflow]:
    """Return all of a checkout's workflows by file name, without the extension."""
    return {path.stem: read_workflow(path) for path in sorted(folder.glob("*.yml"))}


def read_workflow(path: Path) -> Workflow:
    """Read a workflow; raise WorkflowFailed if it contains something that this reader does not know."""
    # YAML 1.1 reads a bare `on` as true; GitHub does not.
    raw = {"on" if key is True else key: value for key, value in yaml.safe_load(path.read_text("utf-8")).items()}
    jobs = {name: _read_job(name, each) for name, each in raw["jobs"].items()}
    return Workflow(raw["name"], tuple(_in_order(jobs)), raw)


def expand(text: str, known: Mapping[str, str]) -> str:
    """Replace expressions with values; a missing secret is empty, as on GitHub; raise WorkflowFailed if unknown."""

    def value(found: re.Match[str]) -> str:
        if found[1] in known:
            return known[found[1]]
        if found[1].startswith("secrets."):
            return ""
        raise WorkflowFailed(f"This runner does not know {found[1]}.")

    return _EXPRESSION.sub(value, text)


def expressions(value: Any) -> Iterator[str]:
    """Yield all expressions anywhere in a part of a workflow."""
    if isinstance(value, str):
        yield from _EXPRESSION.findall(value)
    elif isinstance(value, Mapping):
        yield from expressions(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from expressions(each)


def _read_job(name: str, raw: Mapping[str, Any]) -> Job:
    _check(f"job {name}", raw, JOB_KEYS | {"timeout-minutes"})
    needs = raw.get("needs", [])
    steps = tuple(_read_step(name, each) for each in raw["steps"])
    return Job(name, (needs,) if isinstance(needs, str) else tuple(needs), steps, raw.get("outputs", {}), raw)


def _read_step(job: str, raw: Mapping[str, Any]) -> Step:
    _check(f"a step of {job}", raw, STEP_KEYS)
    return Step(raw.get("run", ""), raw.get("uses", ""), raw.get("env", {}), raw.get("with", {}), raw.get("id", ""))


def _check(what: str, raw: Mapping[str, Any], known: set[str]) -> None:
    if unknown := raw.keys() - known:
        raise WorkflowFailed(f"This reader does not know {', '.join(sorted(unknown))} in {what}.")


def _in_order(jobs: Mapping[str, Job]) -> Iterator[Job]:
    done: set[str] = set()
    left = list(jobs.values())
    while left:
        ready = next((job for job in left if set(job.needs) <= done), None)
        if ready is None:
            names = ", ".join(job.name for job in left)
            raise WorkflowFailed(f"These jobs wait for each other, or for a job that does not exist: {names}.")
        left.remove(ready)
        done.add(ready.name)
        yield ready
