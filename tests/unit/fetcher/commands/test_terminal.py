"""Output cannot control the terminal, and fits its width."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from fetcher.commands.contacts import COLUMNS
from fetcher.commands.terminal import DIRECTIONS, Terminal, number, sanitise


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


def test_addresses_are_whole_on_a_narrow_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Addresses are never shortened on a narrow terminal; names wrap instead, between words."""
    address = "farid.weis-von-und-zu@northpier.example.net"
    terminal = Terminal()
    terminal.out = Console(width=80, force_terminal=True, color_system=None)

    terminal.show_table(COLUMNS, [(98, "Farid Weis von und zu", address, 1_173, 12, "2026-10-18", "professional")])

    shown = capsys.readouterr().out
    assert address in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
