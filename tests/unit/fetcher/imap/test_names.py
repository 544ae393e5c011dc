"""Folder names on the wire and here."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.imap.names import name_of, title_of, wire_of

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("wire", "title"),
    [
        (b"INBOX", "INBOX"),
        (b"&AMk-t&AOk-", "Été"),
        (b"R&-D", "R&D"),
        (b"R&D", "R&D"),
        (b"a&", "a&"),
        (b"&AOk-&AOk-", "éé"),
        (b"caf\xc3\xa9", "café"),
        (b"caf\xe9", "café"),
        (b"&3Ck-", "&3Ck-"),
        (b"tab\there", "tab\there"),
    ],
)
def test_titles(wire: bytes, title: str) -> None:
    """A name is decoded as far as it can be, and travels to the server as it came."""
    assert (title_of(name_of(wire)), wire_of(name_of(wire))) == (title, wire)


@given(st.binary(max_size=20))
def test_every_name_has_its_own(wire: bytes) -> None:
    """Each name on the wire has one name here, so two folders never share one."""
    assert wire_of(name_of(wire)) == wire


@given(LETTERS)
def test_ordinary_names_are_text(name: str) -> None:
    """The name of a folder in modified UTF-7 is its text."""
    assert name_of(wire_of(name)) == name == title_of(name)
