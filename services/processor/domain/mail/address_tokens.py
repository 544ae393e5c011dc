"""Tokens of an address list: quoted strings, comments, angle brackets, and the text and marks between them.

It takes linear time: each character is read a fixed number of times, even if quotes or brackets are left open.
"""

import re
from collections.abc import Iterator
from typing import Final

from processor.domain.mail import entities

Token = tuple[str, str]
"""Kind and text. Kinds are quoted, comment and angle, whose text is what is inside; mark; and text."""

_QUOTED: Final = r'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"'
_REST: Final = rf"""
    (?P<word> =\?[^?\s]{{1,80}}+\?[bBqQ]\?[^?\s]*+\?= )
  | (?P<entity> {entities.PATTERN.replace("#", "[#]")} )
  | (?P<angle> <(?>(?:{_QUOTED}@)?)[^<>]*+> )
  | (?P<mark> [,;:(] )
  | (?P<text> [^=",;:<>()&]++ )
  | (?P<stray> . )
"""
_TOKEN: Final = re.compile(rf"(?P<quoted>{_QUOTED}) | {_REST}", re.DOTALL | re.VERBOSE)
_TOKEN_WITHOUT_QUOTES: Final = re.compile(_REST, re.DOTALL | re.VERBOSE)
_PARENTHESIS: Final = re.compile(r"\\.|[()]", re.DOTALL)
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)


def tokenise(value: str) -> Iterator[Token]:
    """Yield the tokens of a whole value.

    A quote or parenthesis that is never closed is plain text. So is a quote mark whose next one opens a word behind an
    address, as in ``"Jane <jane@acme.com>, "Bob" <bob@acme.com>``.
    """
    at, unquoted, has_comments = 0, 0, True
    while match := (_TOKEN if at >= unquoted else _TOKEN_WITHOUT_QUOTES).match(value, at):
        kind, text = match.lastgroup or "", match[0]
        end = match.end()
        if kind == "mark" and text == "(":
            closed = _comment_end(value, at) if has_comments else 0
            if closed:
                yield "comment", unescape(value[at + 1 : closed - 1])
                at = closed
                continue
            has_comments, kind = False, "text"
        elif kind == "quoted" and "@" in text and value[end : end + 1].isalnum():
            unquoted, kind, text, end = end - 1, "text", '"', at + 1
        elif kind == "stray" and text == '"' and at >= unquoted:
            unquoted = len(value)
        elif kind == "entity" and not entities.is_entity(text):
            kind, text, end = "text", text[:-1], end - 1
        if kind in ("quoted", "angle"):
            text = text[1:-1]
        yield (kind if kind in ("quoted", "angle", "mark") else "text"), text
        at = end


def skip_comments(text: str) -> str:
    """Return a text with a blank for each comment in it."""
    out, at = [], 0
    while (start := text.find("(", at)) >= 0 and (end := _comment_end(text, start)):
        out.append(text[at:start])
        at = end
    return " ".join((*out, text[at:]))


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


def unescape(text: str) -> str:
    """Return a quoted text or comment without its escaping backslashes."""
    return _ESCAPED.sub(r"\1", text) if "\\" in text else text
