"""HTML entities in header fields, where they are mistakes: only those that end in a semicolon are decoded."""

import html
import re
from html.entities import html5
from typing import Final

PATTERN: Final = "&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
_ENTITY: Final = re.compile(PATTERN)


def is_entity(text: str) -> bool:
    """Return whether a text that matches `PATTERN` is an entity: a number, or a name that HTML has."""
    return text[1] == "#" or text[1:] in html5


def decode_entities(text: str) -> str:
    """Decode the entities in a text, once."""
    return _ENTITY.sub(_decode, text) if "&" in text else text


def _decode(match: re.Match[str]) -> str:
    entity = match[0]
    return html.unescape(entity) if is_entity(entity) else entity
