"""Commands in the documents exist, and have the options that the documents give them."""

import importlib.util
import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from fetcher.commands.cli import app
from tests.unit.docs.pages import PAGES, code_blocks, make_targets, name_of, read_page, spans

NAMES = [name_of(page) for page in PAGES]
TARGETS = make_targets()
ROOT: Any = typer.main.get_command(app)
_ASSIGNMENT = re.compile(r"[A-Z_]+=.*", re.DOTALL)


def commands(page: str) -> Iterator[list[str]]:
    """Yield the commands in a document, split into words, without the assignments before them."""
    text = read_page(page)
    lines = [line for block in code_blocks(text, "sh") for line in block.splitlines()]
    shown = [
        line.removeprefix("$ ") for block in code_blocks(text, "text") for line in block.splitlines() if "$ " in line
    ]
    for line in (*lines, *shown, *spans(text)):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        while words and _ASSIGNMENT.fullmatch(words[0]):
            words.pop(0)
        if words:
            yield [words[0].removeprefix(".venv/bin/"), *words[1:]]


def faults_of_leadminer(words: list[str]) -> list[str]:
    """Return what is wrong with a call of `leadminer`: an unknown command, or options that the command lacks."""
    command = ROOT
    if words and not words[0].startswith("-"):
        if words[0] not in ROOT.commands:
            return [f"no command {words[0]}"]
        command = ROOT.commands[words[0]]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "-h"}
    return [f"no option {word}" for word in words if word.startswith("-") and word.partition("=")[0] not in known]


def faults(words: list[str]) -> list[str]:
    """Return what is wrong with one of our commands; nothing for other programs."""
    program, *rest = words
    if program == "leadminer":
        return faults_of_leadminer(rest)
    if program == "make":
        wanted = [word for word in rest if not _ASSIGNMENT.fullmatch(word)]
        return [f"no target {word}" for word in wanted if word not in TARGETS]
    if program == "python" and rest[:1] == ["-m"]:
        return [] if importlib.util.find_spec(rest[1]) else [f"no module {rest[1]}"]
    return []


@pytest.mark.parametrize("page", NAMES)
def test_commands_are_there(page: str) -> None:
    """Every command in a document can be typed as it is written."""
    wrong = {shlex.join(words): found for words in commands(page) if (found := faults(words))}

    assert wrong == {}


@pytest.mark.parametrize("text", ["leadminer dig", "leadminer mine --fast", "make coffee", "python -m processor.magic"])
def test_a_wrong_command_is_noticed(text: str) -> None:
    """The check can fail: it notices commands, options, targets and modules that do not exist."""
    assert faults(shlex.split(text))


def test_readme_names_its_two_commands() -> None:
    """The README shows `make demo`, `make test`, and how to mine a real mailbox."""
    shown = [words[:2] for words in commands("README.md")]

    assert [word for word in (["make", "demo"], ["make", "test"], ["leadminer", "mine"]) if word not in shown] == []
