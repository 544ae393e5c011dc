"""An export goes to the file that is named, in the format that its name says, and replaces nothing unasked."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fetcher.commands.cli import run
from fetcher.exits import Exit
from tests.support.fake_processor import FakeProcessor, contact

FIRST = {"csv": b"\xef\xbb\xbfName,", "vcard": b"BEGIN:VCARD", "jsonl": b'{"name":'}


@pytest.fixture(autouse=True)
def _people(processor: FakeProcessor) -> None:
    processor.contacts = [contact(1), contact(2)]


@pytest.mark.parametrize(
    ("name", "options", "form"),
    [
        ("contacts.csv", [], "csv"),
        ("contacts.vcf", [], "vcard"),
        ("Contacts.VCF", [], "vcard"),
        ("contacts.jsonl", [], "jsonl"),
        ("contacts", [], "csv"),
        ("contacts", ["--format", "jsonl"], "jsonl"),
        ("contacts.txt", ["--Format", "VCard"], "vcard"),
    ],
)
def test_the_suffix_says_the_format(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, options: list[str], form: str
) -> None:
    """The format is the one asked for, in any case of letters, or that of the suffix; without either, it is CSV."""
    code = run(["export", "-o", str(tmp_path / name), *options])

    assert code == Exit.OK
    assert (tmp_path / name).read_bytes().startswith(FIRST[form])
    assert capsys.readouterr().err == f"Wrote 2 contacts of user local to {tmp_path / name}.\n"


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("contacts.xlsx", [], [".xlsx", ".csv", ".vcf", ".jsonl", "--format"]),
        ("contacts.vcf", ["--format", "csv"], [".vcf", "csv", "--output"]),
    ],
)
def test_a_suffix_that_does_not_fit_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, options: list[str], said: list[str]
) -> None:
    """An unknown suffix, or one of another format, ends with exit code 2; nothing is written."""
    code = run(["export", "--output", str(tmp_path / name), *options])

    shown = capsys.readouterr().err
    assert code == Exit.USAGE
    assert [word for word in (name, *said) if word not in shown] == []
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(("typed", "code", "left"), [("y", Exit.OK, b"\xef\xbb\xbfName"), ("n", 1, b"earlier")])
def test_a_file_is_replaced_only_after_asking(
    tmp_path: Path, answer: Callable[[str], None], typed: str, code: int, left: bytes
) -> None:
    """On a terminal, an existing file is replaced only if the person agrees."""
    (tmp_path / "contacts.csv").write_text("earlier")
    answer(typed)

    ended = run(["export", "-o", str(tmp_path / "contacts.csv")])

    assert ended == code
    assert (tmp_path / "contacts.csv").read_bytes().startswith(left)


def test_without_a_terminal_a_file_is_replaced_only_by_force(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a terminal, the error names the file and --force, which replaces it."""
    file = tmp_path / "contacts.csv"
    file.write_text("earlier")

    refused = run(["export", "-o", str(file)])
    said, left = capsys.readouterr().err, file.read_text()
    forced = run(["export", "-o", str(file), "--force"])

    assert (refused, left, forced) == (Exit.USAGE, "earlier", Exit.OK)
    assert repr(str(file)) in said
    assert "--force" in said
    assert file.read_bytes().startswith(b"\xef\xbb\xbfName")


@pytest.mark.parametrize("options", [[], ["-o", "contacts.csv"], ["--format", "jsonl"]])
def test_an_empty_export_says_so(
    processor: FakeProcessor,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    options: list[str],
) -> None:
    """An export without contacts succeeds, and says beside the data that there are none."""
    monkeypatch.chdir(tmp_path)
    processor.contacts = []

    code = run(["export", *options])

    assert code == Exit.OK
    assert "User local has no contacts: wrote 0 contacts" in capsys.readouterr().err


def test_standard_output_can_be_named(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """The output `-` is standard output, even if a file of that name exists."""
    run(["export", "--format", "jsonl", "--output", "-"])

    assert [json.loads(line)["email"] for line in capsysbinary.readouterr().out.splitlines()] == [
        "jane1@acme.com",
        "jane2@acme.com",
    ]
