"""Reads address lists: by RFC 5322 first, and if that finds nothing, by what people and programs write instead.

It takes linear time: each character is read a fixed number of times, even if quotes or brackets are left open.
"""

import re
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from processor.domain.mail.address_syntax import normalise, split_plus
from processor.domain.mail.names import name_beside


class Mailbox(NamedTuple):
    """One address of a list, without its plus part. `plus` is the address with it; `name` is the name beside it."""

    address: str
    plus: str | None
    name: str | None


_QUOTED: Final = r'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"'
_REST: Final = r"""
    (?P<word> =\?[^?\s]{1,80}+\?[bBqQ]\?[^?\s]*+\?= )
  | (?P<angle> <[^<>]*+> )
  | (?P<mark> [,;:(] )
  | (?P<text> [^=",;:<>()]++ )
  | (?P<stray> . )
"""
_TOKEN: Final = re.compile(rf"(?P<quoted>{_QUOTED}) | {_REST}", re.DOTALL | re.VERBOSE)
_TOKEN_WITHOUT_QUOTES: Final = re.compile(_REST, re.DOTALL | re.VERBOSE)
_PARENTHESIS: Final = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_SEPARATOR: Final = re.compile(r"[,;]")

_BEFORE: Final = "'\"<([{"
_BEHIND: Final = "'\">)]}.,;:!?"


class _Piece:
    """The tokens between two separators, as (kind, text). Kinds are quoted, angle, comment and text."""

    def __init__(self) -> None:
        self.tokens: list[tuple[str, str]] = []
        self.has_at = self.has_quote = self.has_angle = False

    def add(self, kind: str, text: str) -> None:
        self.tokens.append((kind, text))
        self.has_at = self.has_at or "@" in text
        self.has_quote = self.has_quote or kind == "quoted" or '"' in text
        self.has_angle = self.has_angle or kind == "angle"

    @property
    def is_name_part(self) -> bool:
        """Whether the piece could be the part before a comma of an unquoted name."""
        return bool(self.tokens) and not (self.has_at or self.has_quote or self.has_angle)


def read_list(value: str) -> Iterator[Mailbox]:
    """Yield the addresses in an undecoded value, with repetitions."""
    for piece in _split_pieces(value):
        yield from _read_piece(piece.tokens)


def _split_pieces(value: str) -> Iterator[_Piece]:
    """Yield the pieces that have an ``@``. At a comma, a piece without ``@``, quotes or brackets joins the next one."""
    piece = _Piece()
    for kind, text in _tokens(value):
        if kind == "mark" and text == "," and piece.is_name_part:
            piece.add("text", text)
        elif kind == "mark" and text == ":" and not (piece.has_at or piece.has_angle):
            piece = _Piece()
        elif kind == "mark" and text in ",;":
            if piece.has_at:
                yield piece
            piece = _Piece()
        else:
            piece.add("text" if kind in ("word", "mark") else kind, text)
    if piece.has_at:
        yield piece


def _tokens(value: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, text) for the whole value. A quote or parenthesis that is never closed is plain text."""
    pattern, comments, at = _TOKEN, True, 0
    while match := pattern.match(value, at):
        kind, text = match.lastgroup or "", match[0]
        if kind == "mark" and text == "(":
            end = _comment_end(value, at) if comments else 0
            if end:
                yield "comment", value[at + 1 : end - 1]
                at = end
                continue
            comments, kind = False, "text"
        elif kind == "stray" and text == '"':
            pattern = _TOKEN_WITHOUT_QUOTES
        if kind in ("quoted", "angle"):
            text = text[1:-1]
        yield ("text" if kind == "stray" else kind), text
        at = match.end()


def _comment_end(value: str, at: int) -> int:
    depth = 0
    for match in _PARENTHESIS.finditer(value, at):
        if match[0] == "(":
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if not depth:
                return match.end()
    return 0


def _read_piece(tokens: list[tuple[str, str]]) -> Iterator[Mailbox]:
    """Yield the addresses in angle brackets; if there are none, those in the text, or else those in quotes."""
    comments = [_unescape(text) for kind, text in tokens if kind == "comment"]
    found = False
    for reader in (_read_angles, _read_words, _read_quoted):
        for address, phrase in reader(tokens):
            found = True
            folded, plus = split_plus(address)
            yield Mailbox(folded, plus, _choose_name(phrase, comments, folded, plus))
        if found:
            return


def _choose_name(phrase: str, comments: list[str], address: str, plus: str | None) -> str | None:
    if phrase.strip():
        return name_beside(phrase, address, plus)
    return name_beside(comments[-1], address, plus) if comments else None


def _read_angles(tokens: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    phrase: list[str] = []
    for kind, text in tokens:
        if kind == "angle":
            for address in _read_brackets(text):
                yield address, "".join(phrase)
                phrase = []
        elif kind != "comment":
            phrase.append(_unescape(text) if kind == "quoted" else text)


def _read_brackets(text: str) -> Iterator[str]:
    """Yield the address in angle brackets, after any route or `mailto:`. If they hold a list, yield each address."""
    content = text.strip()
    if content.startswith("@") and ":" in content:
        content = content.rpartition(":")[2].strip()
    address = _read_word(content)
    if address:
        yield address
        return
    for chunk in _SEPARATOR.split(content):
        words = chunk.split(None, 1)
        address = _read_word(words[0]) if words else None
        if address:
            yield address


def _read_words(tokens: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the addresses in the text that have no brackets, each with the text before it."""
    phrase: list[str] = []
    quoted = ""
    for kind, run in groupby(tokens, key=itemgetter(0)):
        if kind == "quoted":
            quoted = _unescape("".join(text for _, text in run))
            phrase.append(quoted)
        elif kind == "text":
            text = "".join(text for _, text in run).replace("<", " ").replace(">", " ")
            for word in text.split():
                is_host = word.startswith("@") and text.startswith(word)
                address = _read_word(quoted + word if is_host else word)
                if address:
                    yield address, "" if is_host else " ".join(phrase)
                    phrase = []
                else:
                    phrase.append(word)
                quoted = ""


def _read_quoted(tokens: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the addresses inside quotes, read as if there were no quotes."""
    for kind, text in tokens:
        if kind == "quoted" and "@" in text:
            inner = [token for token in _tokens(_unescape(text).replace('"', " ")) if token[0] != "comment"]
            found = list(_read_angles(inner)) or list(_read_words(inner))
            yield from found


def _read_word(word: str) -> str | None:
    """Return a word as an address: as it is, or else without `mailto:` and stray marks around it."""
    if "@" not in word:
        return None
    address = normalise(word)
    if address:
        return address
    bare = word.strip("'\"")
    if bare[:7].lower() == "mailto:":
        bare = bare[7:].partition("?")[0]
    return normalise(bare.replace('"', "").lstrip(_BEFORE).rstrip(_BEHIND))


def _unescape(text: str) -> str:
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
