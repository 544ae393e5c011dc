"""Reads address lists: by RFC 5322 first, and if that finds nothing, by what people and programs write instead."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from processor.domain.mail.address_syntax import split_plus
from processor.domain.mail.address_tokens import Token, tokenise, unescape
from processor.domain.mail.address_words import read_brackets, read_words
from processor.domain.mail.charset import decode_words
from processor.domain.mail.entities import decode_entities
from processor.domain.mail.invisible import drop_invisible
from processor.domain.mail.names import name_beside

_ENCODED: Final = "=?"
_PREFIXES: Final = ("mailto", "smtp")


class Mailbox(NamedTuple):
    """One address of a list, without its plus part. `plus` is the address with it; `name` is the name beside it."""

    address: str
    plus: str | None
    name: str | None


class _Piece:
    """The tokens between two separators. Its last part is what comes after the last comma that did not separate."""

    def __init__(self) -> None:
        self.tokens: list[Token] = []
        self._part = 0
        self.has_at = self.has_quote = self.has_angle = self._has_word = False

    def add(self, kind: str, text: str) -> None:
        self.tokens.append((kind, text))
        self.has_at = self.has_at or "@" in text or (kind == "angle" and "%40" in text)
        self.has_quote = self.has_quote or kind == "quoted" or '"' in text
        self.has_angle = self.has_angle or kind == "angle"
        self._has_word = self._has_word or _ENCODED in text

    @property
    def is_name_part(self) -> bool:
        """Whether the piece could be the part before a comma of an unquoted name."""
        if self.has_at or self.has_quote or self.has_angle:
            return False
        return any(kind == "text" and not text.isspace() for kind, text in self.tokens[self._part :])

    def begin_part(self) -> None:
        """Go on behind a comma that does not separate."""
        self.add("text", ",")
        self._part, self._has_word = len(self.tokens), False

    def decode_part(self) -> None:
        """Decode the last part if that gives an address: somebody encoded a whole mailbox. Nothing of it separates."""
        if not self._has_word or self.has_at:
            return
        decoded = drop_invisible(decode_words(_write(self.tokens[self._part :])))
        if "@" not in decoded:
            return
        tokens = _as_one(decoded)
        if next(_find(tokens), None):
            self.tokens[self._part :] = tokens
            self.has_at = True


def read_list(value: str) -> Iterator[Mailbox]:
    """Yield the addresses in an undecoded value, with repetitions."""
    for tokens in _split_pieces(value):
        yield from _read_piece(tokens)


def _split_pieces(value: str) -> Iterator[list[Token]]:
    """Yield the pieces that have an ``@``. At a comma, a piece without ``@``, quotes or brackets joins the next one."""
    piece = _Piece()
    for kind, text in tokenise(value):
        if kind != "mark":
            piece.add(kind, text)
        elif text == ":":
            if piece.has_at or piece.has_angle or _ends_in_prefix(piece.tokens):
                piece.add("text", text)
            else:
                piece = _Piece()
        else:
            piece.decode_part()
            if text == "," and piece.is_name_part:
                piece.begin_part()
                continue
            if piece.has_at:
                yield piece.tokens
            piece = _Piece()
    piece.decode_part()
    if piece.has_at:
        yield piece.tokens


def _ends_in_prefix(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[-1][1].rstrip()[-6:].lower().endswith(_PREFIXES)


def _as_one(text: str) -> list[Token]:
    """Return the tokens of a text in which nothing separates."""
    return [("text" if kind == "mark" else kind, part) for kind, part in tokenise(text)]


def _write(tokens: list[Token]) -> str:
    """Return the tokens as they were written, without comments."""
    return "".join(
        f"<{text}>" if kind == "angle" else f'"{text}"' if kind == "quoted" else text for kind, text in tokens
    )


def _read_piece(tokens: list[Token]) -> Iterator[Mailbox]:
    comments = _names_in_comments(tokens) if any(kind == "comment" for kind, _ in tokens) else []
    for address, phrase in _find(tokens):
        folded, plus = split_plus(address)
        yield Mailbox(folded, plus, _choose_name(phrase, comments, folded, plus))


def _find(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    """Yield the addresses in angle brackets; if there are none, those in the text, or else those in quotes.

    If there are none at all, entities are decoded: a program wrote HTML.
    """
    found = False
    for reader in (_read_angles, read_words, _read_quoted):
        for address, phrase in reader(tokens):
            found = True
            yield address, phrase
        if found:
            return
    written = _write(tokens)
    shown = decode_entities(written)
    if shown != written:
        yield from _find_shown(_as_one(shown))


def _find_shown(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    yield from list(_read_angles(tokens)) or list(read_words(tokens)) or list(_read_quoted(tokens))


def _names_in_comments(tokens: list[Token]) -> list[str]:
    """Return the comments that could be a name: those that are not inside an address, beside its ``@`` or a dot."""
    return [
        text
        for at, (kind, text) in enumerate(tokens)
        if kind == "comment"
        and not (at + 1 < len(tokens) and tokens[at + 1][1].lstrip()[:1] in ("@", "."))
        and not (at and tokens[at - 1][0] == "text" and tokens[at - 1][1].rstrip()[-1:] in ("@", "."))
    ]


def _choose_name(phrase: str, comments: list[str], address: str, plus: str | None) -> str | None:
    if phrase.strip():
        return name_beside(phrase, address, plus)
    return name_beside(comments[-1], address, plus) if comments else None


def _read_angles(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    phrase: list[str] = []
    for kind, text in tokens:
        if kind == "angle":
            for address in read_brackets(text):
                yield address, "".join(phrase).rstrip(" <")
                phrase = []
        elif kind != "comment":
            phrase.append(unescape(text) if kind == "quoted" else text)


def _read_quoted(tokens: list[Token]) -> Iterator[tuple[str, str]]:
    """Yield the addresses inside quotes, read as if there were no quotes."""
    for kind, text in tokens:
        if kind == "quoted" and "@" in text:
            inner = [token for token in tokenise(unescape(text).replace('"', " ")) if token[0] != "comment"]
            yield from list(_read_angles(inner)) or list(read_words(inner))
