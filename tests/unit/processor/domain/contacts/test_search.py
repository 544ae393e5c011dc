"""Case and accents are folded once, in Python, for names and for what people search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.domain.contacts.search import MAX_WORD, MAX_WORDS, fold_text, search_text, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Jane Doe", ["jane", "doe"]),
        ("  jane_doe-smith@acme.co.uk ", ["jane", "doe", "smith", "acme", "co", "uk"]),
        ("Éloïse Ågård", ["eloise", "agard"]),
        ("Łukasz Østergård", ["lukasz", "ostergard"]),
        ("Straße", ["strasse"]),
        ("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}lker Y\N{LATIN SMALL LETTER DOTLESS I}lmaz", ["ilker", "yilmaz"]),
        ("\uff2a\uff41\uff4e\uff45", ["jane"]),
        ("山田 太郎", ["山田", "太郎"]),
        ("नमस्ते जी", ["नमसते", "जी"]),
        ("O'Brien & Sons (2)", ["o", "brien", "sons", "2"]),
        ("🙂 !", []),
        ("", []),
    ],
)
def test_words(text: str, words: list[str]) -> None:
    """A text's words are runs of letters and digits, without case and accents."""
    assert split_words(text) == words


@given(st.text())
def test_what_is_folded_stays_so(text: str) -> None:
    """Folding again changes nothing, and no word has what a text search query reads as a mark."""
    words = split_words(text)

    assert split_words(" ".join(words)) == words
    assert not set("".join(words)) & set(" &|!()<>:*'\\\t\n\r")


@given(st.text(max_size=30))
def test_a_text_is_found_in_any_case_and_form(text: str) -> None:
    """The folded form of a text is that of its upper-case one, but for letters that have no way back."""
    if text.upper().casefold() == text.casefold():
        assert fold_text(text.upper()) == fold_text(text)


def test_a_contact_is_found_by_words_and_tags() -> None:
    """Each word and tag is there once, marked as what it is."""
    assert search_text(["Jane", "jane@acme.com"], ["role", "role"]) == "trole wjane wacme wcom"


def test_what_hostile_mail_adds_is_bounded() -> None:
    """Neither a long word nor thousands of words make what a contact is found by long."""
    found = search_text(["x" * 10_000, *(f"word{number}" for number in range(10_000))], ["role"]).split()

    assert len(found) == 1 + MAX_WORDS
    assert max(map(len, found)) == 1 + MAX_WORD
