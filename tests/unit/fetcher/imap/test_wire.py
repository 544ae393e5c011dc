"""What a connection keeps of what the server says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fetcher.imap.wire import WORDS, sanitised


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (b"[UNAVAILABLE] try later", "[UNAVAILABLE] try later"),
        (b"one\x1b[31m\r\n\ttwo", "one [31m two"),
        ("später \u202egnp".encode(), "später gnp"),
        (b"\xff", "\ufffd"),
        (b"x" * 1_000, "x" * (WORDS - 1) + "…"),
    ],
)
def test_words(words: bytes, kept: str) -> None:
    """A server's words are one line of text, cut, and cannot control a terminal."""
    assert sanitised(words) == kept


@given(st.binary(max_size=2_000))
def test_any_words(words: bytes) -> None:
    """Whatever a server says becomes a short printable line."""
    assert len(sanitised(words)) <= WORDS
    assert sanitised(words).isprintable()
