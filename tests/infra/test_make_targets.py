"""Make targets pass what people type on to the right program, and `make help` lists them."""

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
    """Return the arguments that a target would pass to a module, without running anything."""
    command = ["make", "--no-print-directory", "-n", *shlex.split(typed)[1:]]
    environ = {name: value for name, value in os.environ.items() if name not in ("STACK", "DUMP", "ARGS")}
    done = subprocess.run(command, cwd=CHECKOUT, env=environ, capture_output=True, text=True, check=True)
    [line] = [line for line in done.stdout.splitlines() if f"-m {module} " in line]
    return shlex.split(line.partition(f"-m {module} ")[2])


@pytest.mark.parametrize("step", STEPS)
def test_each_step_of_the_pipeline_is_a_target(step: str) -> None:
    """Each step has a target that passes on STACK and ARGS."""
    wanted = ["staging", "--more"] if step != "preflight" else ["staging"]

    assert says(f"make {step} STACK=staging ARGS=--more", "infra.pipeline") == [step, *wanted]


@pytest.mark.parametrize("step", STEPS)
def test_a_step_of_no_stack_says_so(step: str) -> None:
    """Only `preflight` has a default stack, since it changes nothing."""
    assert says(f"make {step}", "infra.pipeline")[1:] == (["selfhost"] if step == "preflight" else [])


@pytest.mark.parametrize(("command", "typed"), CARE.items())
def test_care_is_understood(command: str, typed: str) -> None:
    """Each command gets the stack, the dump and the answer to its question."""
    given = _parser().parse_args(says(typed, "infra.care"))

    assert given.command == command
    assert given.stack == ("second" if "STACK=second" in typed else "selfhost")
    assert given.yes == ("--yes" in typed)
    if command == "restore":
        assert (given.dump, given.discard) == ("2026-11-25T02-00-00Z", True)


def test_no_care_is_left_out() -> None:
    """Every command of `infra.care` has a target."""
    [commands] = re.findall(r"\{([a-z,-]+)\}", _parser().format_usage())

    assert set(commands.split(",")) == set(CARE) <= make_targets()


def test_help_lists_every_target() -> None:
    """`make help` shows each target once, with a description that fits on its line."""
    printed = subprocess.run(["make", "help"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout

    listed = re.findall(r"^  ([a-z-]+) +(\S.*)$", printed, re.MULTILINE)

    assert sorted(name for name, _ in listed) == sorted(make_targets())
    assert [line for line in printed.splitlines() if len(line) > 120] == []


def test_make_alone_sets_up() -> None:
    """Without a target, `make` runs `make setup`."""
    printed = subprocess.run(["make", "-n"], cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout

    assert printed.splitlines() == ["requirements/setup.sh"]
