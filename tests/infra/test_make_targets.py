"""Targets of the Makefile hand the words of whoever types them on to the programs that they stand for."""

import os
import re
import shlex
import subprocess

import pytest

from infra.care.__main__ import _parser
from infra.pipeline.__main__ import STEPS
from tests.support.stacks import CHECKOUT
from tests.unit.docs.pages import make_targets

CARE = {
    "backup": "make backup",
    "dumps": "make dumps STACK=second",
    "restore": "make restore DUMP=2026-11-25T02-00-00Z ARGS=--discard",
    "upgrade-postgres": "make upgrade-postgres STACK=second ARGS=--yes",
    "drop-unused-postgres": "make drop-unused-postgres ARGS=--yes",
}


def says(typed: str, module: str) -> list[str]:
    """Return the words that a target would hand to a module, without running anything."""
    command = ["make", "--no-print-directory", "-n", *shlex.split(typed)[1:]]
    environ = {name: value for name, value in os.environ.items() if name not in ("STACK", "DUMP", "ARGS")}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if f"-m {module} " in line]
    return shlex.split(line.partition(f"-m {module} ")[2])


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_the_pipeline_is_a_target(step: str) -> None:
    """With the stack that is named, and what is passed on besides."""
    wanted = ["staging", "--more"] if step != "preflight" else ["staging"]

    assert says(f"make {step} STACK=staging ARGS=--more", "infra.pipeline") == [step, *wanted]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_no_stack_says_so(step: str) -> None:
    """No default is put in for a deployment; what only looks, looks at the stack on one server."""
    assert says(f"make {step}", "infra.pipeline")[1:] == (["selfhost"] if step == "preflight" else [])


@pytest.mark.parametrize(("command", "typed"), CARE.items())
def test_care_is_understood(command: str, typed: str) -> None:
    """The words are those that the program takes: the stack, the dump, and whether it asks."""
    given = _parser().parse_args(says(typed, "infra.care"))

    assert given.command == command
    assert given.stack == ("second" if "STACK=second" in typed else "selfhost")
    assert given.yes == ("--yes" in typed)
    if command == "restore":
        assert (given.dump, given.discard) == ("2026-11-25T02-00-00Z", True)


def test_no_care_is_left_out() -> None:
    """Each command of the program has its target."""
    [commands] = re.findall(r"\{([a-z,-]+)\}", _parser().format_usage())

    assert set(commands.split(",")) == set(CARE) <= make_targets()
