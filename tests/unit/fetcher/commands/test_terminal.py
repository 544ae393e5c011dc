"""Output cannot control the terminal, and fits its width."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from fetcher.commands.contacts import COLUMNS
from fetcher.commands.terminal import DIRECTIONS, Terminal, number, sanitise
from tests.support.screen import Screen


@given(st.text())
def test_no_control_or_direction_character_is_left(text: str) -> None:
    """Escape sequences, line breaks and direction marks are replaced by a visible character."""
    shown = sanitise(text)

    assert len(shown) == len(text)
    assert not [letter for letter in shown if unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp")]
    assert not DIRECTIONS & set(shown)


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_names_of_all_scripts_stay_as_they_are(text: str) -> None:
    """Letters, digits, punctuation and spaces of any script are shown unchanged."""
    assert sanitise(text) == text


def test_what_is_to_be_kept_is_kept() -> None:
    """Characters in `keep`, such as our own line breaks, stay."""
    assert sanitise("a\nb\x1bc", keep="\n") == "a\nb\ufffdc"


def test_counts_are_readable() -> None:
    """Counts have thousands separators; an unknown count is a dash."""
    assert [number(1_234_567), number(0), number(None)] == ["1,234,567", "0", "-"]


PEOPLE = [
    (
        98,
        "Farid Weis von und zu",
        "farid.weis-von-und-zu@northpier.example.net",
        1_173,
        12,
        "2026-10-18",
        "professional",
    ),
    (7, "山田 太郎", "t@example.jp", 3, 0, "2025-01-02", "personal, group, newsletter"),
    (1, None, f"{'very-long-' * 6}name@example.org", 3, 0, "", "role"),
]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 160, 200])
@pytest.mark.parametrize("people", [PEOPLE, PEOPLE[:1], PEOPLE[1:2]], ids=["all", "long", "short"])
def test_addresses_are_whole_at_any_width(width: int, people: list[tuple[object, ...]]) -> None:
    """No address is cut or broken, and no other line is wider than the terminal."""
    screen, terminal = Screen(width), Terminal()
    terminal.out = screen.console

    terminal.show_table(COLUMNS, people)

    text = screen.written()
    addresses = [str(person[2]) for person in people]
    assert [address for address in addresses if address not in text] == []
    assert [line for line in text.splitlines() if cell_len(line) > width and line not in addresses] == []


def test_what_does_not_fit_is_left_out_from_the_right() -> None:
    """A narrower terminal shows fewer columns, and then each contact as a few lines."""
    heads = {}
    for width in (140, 80, 66, 40):
        screen, terminal = Screen(width), Terminal()
        terminal.out = screen.console
        terminal.show_table(COLUMNS, PEOPLE[1:2])
        heads[width] = screen.lines()[0].split()

    assert heads == {
        140: ["Temp", "Name", "Email", "Messages", "Replies", "Last", "Tags"],
        80: ["Temp", "Name", "Email", "Messages", "Replies", "Last", "Tags"],
        66: ["Temp", "Name", "Email", "Messages", "Replies", "Last"],
        40: ["t@example.jp"],
    }


@pytest.mark.parametrize("width", [40, 80, 120])
def test_sentences_break_between_words(width: int) -> None:
    """Long lines break at spaces, and a command, which people copy, is left to the terminal to break."""
    sentence = "394 contacts from 3,936 messages (149 addresses left out: 137 unattended, 12 automated). " * 2
    command = f"  leadminer mine imaps://jane@example.org@imap.example.org --ca-file {'/a/long/path' * 8}"
    screen, terminal = Screen(width), Terminal()
    terminal.out = screen.console

    terminal.show(sentence)
    terminal.show(command)

    *lines, last = screen.written().splitlines()
    assert " ".join(line.strip() for line in lines) == sentence.strip()
    assert max(map(len, lines)) <= width
    assert last == command


def test_piped_output_has_all_columns_whatever_the_environment_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a terminal, a narrow width or forced colors change nothing: one line per row, tabs between all cells."""
    for name, value in {"COLUMNS": "40", "FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}.items():
        monkeypatch.setenv(name, value)

    Terminal().show_table(COLUMNS, PEOPLE)

    lines = capsys.readouterr().out.splitlines()
    assert [line.count("\t") for line in lines] == [len(COLUMNS) - 1] * 4
    assert PEOPLE[2][2] in lines[3].split("\t")
