"""What contacts are found by. Case and accents are folded here, once, so that SQL only compares bytes.

A search finds the beginnings of words. A name's words are its letters and digits between anything else; those of an
address are also its labels, so `jane.doe@acme.com` has the words jane, doe, acme and com.
"""

import unicodedata
from collections.abc import Iterable
from itertools import islice
from typing import Final

MAX_WORD = 40
"""Characters of a word that count. Longer ones are mostly ids."""
MAX_WORDS = 200
"""Words of one contact in one mining. Only hostile mail has more."""

_BREAKS: Final = bytes(code if chr(code).isalnum() else ord(" ") for code in range(128)).ljust(256)
_LETTERS: Final = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th", "\u0131": "i"}
)
"""Letters that people type without their stroke, dot or ligature, which Unicode does not decompose."""


def fold_text(text: str) -> str:
    """Return a text without case and accents, so that Éloïse is found as eloise and Straße as strasse."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).translate(_LETTERS)


def split_words(text: str) -> list[str]:
    """Return a text's words, folded and in order."""
    folded = fold_text(text)
    if folded.isascii():
        return folded.encode().translate(_BREAKS).decode().split()
    return "".join(letter if _is_in_word(letter) else " " for letter in folded).split()


def search_text(texts: Iterable[str], tags: Iterable[str]) -> str:
    """Return what a contact is found by: `w` and each word of its names and addresses, `t` and each tag."""
    words = [word[:MAX_WORD] for word in islice(dict.fromkeys(split_words(" ".join(texts))), MAX_WORDS)]
    return f"t{' t'.join(dict.fromkeys(tags))} w{' w'.join(words)}"


def _is_in_word(letter: str) -> bool:
    """Return whether this is a letter, a digit, or a vowel sign, as Indian scripts write them."""
    return letter.isalnum() or unicodedata.category(letter).startswith("M")
