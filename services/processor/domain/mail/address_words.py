"""Addresses as words: what is inside angle brackets, and what has no brackets around it."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final, NamedTuple
from urllib.parse import unquote

from processor.domain.mail.address_syntax import normalise_any
from processor.domain.mail.address_tokens import Token, skip_comments, unescape
from processor.domain.mail.charset import decode_words

_SEPARATOR: Final = re.compile(r"[,;]")
_PREFIXES: Final = re.compile(r"(?>(?:(?ai:mailto|smtp):\s*+)+)")
_BEFORE: Final = "'\"<([{\u201c\u2018\u201e\u00ab\u2039\uff08\uff1c\u3010\u300c\u300e"
_BEHIND: Final = "'\">)]}.,;:!?\u201d\u2019\u00bb\u203a\uff09\uff1e\u3011\u300d\u300f\u3001\u3002\uff0c\uff1b"
_LOOSE: Final = "@."
"""What an obsolete form of an address may have blanks around."""


def read_brackets(text: str) -> Iterator[str]:
    """Yield the address in angle brackets, after any route or `mailto:`. If they hold a list, yield each address."""
    address = read_word(text)
    if address:
        yield address
        return
    content = " ".join((skip_comments(text) if "(" in text else text).split())
    if content.startswith("@") and ":" in content:
        content = content.rpartition(":")[2].lstrip()
    address = read_word(content) or (read_word(_close_up(content)) if " " in content else None)
    if address:
        yield address
        return
    for chunk in _SEPARATOR.split(content):
        words = _cut_prefix(chunk.strip()).split(None, 1)
        address = read_word(words[0]) if words else None
        if address:
            yield address


def _close_up(content: str) -> str:
    """Remove the blanks around ``@`` and dots. Runs of blanks are one blank already."""
    for mark in _LOOSE:
        content = content.replace(f" {mark}", mark).replace(f"{mark} ", mark)
    return content


class Word(NamedTuple):
    """A word as it is read, empty if it cannot be part of an address; and what is shown of a quoted string."""

    text: str
    quoted: str | None = None


def read_words(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    """Yield the addresses in the text that have no brackets, each with the text before it."""
    if len(tokens) == 1 and tokens[0][0] == "text" and (address := read_word(tokens[0][1].strip())):
        yield address, ""
        return
    phrase: list[str] = []
    for run in _runs(_words(tokens)):
        whole = read_word("".join(word.text for word in run)) if len(run) > 1 else None
        if whole:
            yield whole, " ".join(phrase)
            phrase = []
            continue
        for word in run:
            address = read_word(word.text) if word.quoted is None else None
            if address:
                yield address, " ".join(phrase)
                phrase = []
            elif word.quoted is not None:
                phrase.append(word.quoted)
            elif not _PREFIXES.fullmatch(word.text.lstrip(_BEFORE)):
                phrase.append(word.text)


def _words(tokens: list[Token]) -> Iterator[Word]:
    """Yield the words of the text, with a blank for each comment. A quoted string directly before an ``@`` is one."""
    text: list[str] = []
    for (kind, part), (_, behind) in pairwise((*tokens, ("text", ""))):
        if kind == "quoted":
            yield from _split("".join(text))
            text = []
            yield Word(f'"{part}"' if behind[:1] == "@" else "", unescape(part))
        else:
            text.append((", " if part == "," else part) if kind == "text" else " ")
    yield from _split("".join(text))


def _split(text: str) -> Iterator[Word]:
    for word in text.replace("<", " ").replace(">", " ").split():
        yield Word(word)


def _runs(words: Iterator[Word]) -> Iterator[list[Word]]:
    """Yield the words, together where an address could go on: around ``@``, a dot by itself, and dots of a host."""
    run: list[Word] = []
    at = False
    for word in words:
        if run and not _goes_on(run[-1], word, in_host=at):
            yield run
            run, at = [], False
        run.append(word)
        at = at or "@" in word.text
    if run:
        yield run


def _goes_on(before: Word, word: Word, *, in_host: bool) -> bool:
    if before.quoted is not None:
        return before.text != "" and word.text[:1] == "@"
    return word.quoted is None and (
        word.text[0] in _LOOSE
        or before.text[-1] == "@"
        or before.text == "."
        or (in_host and before.text[-1] == "." and "." not in before.text[:-1].rpartition("@")[2])
    )


def read_word(word: str) -> str | None:
    """Return a word as an address: as it is, or else without `mailto:` and stray marks around it."""
    if "=?" in word:
        word = decode_words(word)
    if "@" not in word and "%40" not in word:
        return None
    address = normalise_any(word) if word[0] != "'" else None
    if address:
        return address
    word = word.strip()
    bare = word.strip("'\"").lstrip(_BEFORE)
    link = _cut_prefix(bare)
    if link != bare:
        bare = link.partition("?")[0]
        bare = unquote(bare) if "%" in bare else bare
    return normalise_any(bare.replace('"', "").lstrip(_BEFORE).rstrip(_BEHIND))


def _cut_prefix(text: str) -> str:
    prefixes = _PREFIXES.match(text)
    return text[prefixes.end() :] if prefixes else text
