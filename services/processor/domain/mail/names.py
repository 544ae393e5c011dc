"""Names of people as they are shown: decoded, and without the marks that mail systems add to them."""

import html
import re
from typing import Final

from processor.domain.mail.charset import decode_words

MAX_CHARACTERS: Final = 256
"""A longer text is not a name: nobody has such a long name, and rows and indexes are limited."""
_MAX_RAW: Final = 8 * MAX_CHARACTERS
"""A text longer than this is not even decoded: an encoded character takes up to nine characters."""

_NOT_SHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VIA: Final = re.compile(r" \(?via (?=\S)", re.IGNORECASE | re.ASCII)
_SERVICE: Final = re.compile(
    r" ?\((?:google(?: [a-z]+)?|drive|docs|sheets|slides|forms|calendar|dropbox|onedrive|sharepoint|linkedin|facebook"
    r"|slack|trello|jira|confluence|github|gitlab|asana|notion|figma|zoom|airbnb)\)$",
    re.IGNORECASE | re.ASCII,
)
_PAIRS: Final = (('\\"', '\\"'), ("\\'", "\\'"), ('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019"))
_STRAY: Final = " ,;"
PLAIN_NAME: Final = r"[A-Za-z0-9._-]++(?>(?: (?![vV][iI][aA] )[A-Za-z0-9._-]++)*)"
"""Names that need no cleaning, as most do not."""
_PLAIN: Final = re.compile(PLAIN_NAME)
_AROUND: Final = " <>()[]\"'"


def clean_name(text: str) -> str:
    """Return a display name as people know it, or an empty text if there is none.

    Entities and encoded words are decoded until none is left. Invisible characters and runs of white space become one
    space. Outer quotes are removed, and so is the service that sent the message ("Jane via Slack", "Jane (Google
    Drive)").
    """
    if _PLAIN.fullmatch(text) and len(text) <= MAX_CHARACTERS:
        return text
    if len(text) > _MAX_RAW:
        return ""
    name = _strip_marks(" ".join(_NOT_SHOWN.sub(" ", _decode(text)).split()))
    name = _strip_marks(_cut_via(name))
    while _SERVICE.search(name):
        name = _strip_marks(_SERVICE.sub("", name))
    return name if len(name) <= MAX_CHARACTERS else ""


def name_beside(text: str, address: str, plus: str | None) -> str | None:
    """Return the cleaned name beside an address; None if it is empty or just the address in some form."""
    name = clean_name(text)
    if "@" in name:
        said = name.strip(_AROUND).lower().removeprefix("mailto:").strip(_AROUND)
        if said in (address, plus):
            return None
    return name or None


def _decode(text: str) -> str:
    """Decode entities and encoded words until none is left. Each round makes the text shorter, so this ends."""
    while True:
        decoded = decode_words(html.unescape(text) if "&" in text else text)
        if len(decoded) >= len(text):
            return decoded
        text = decoded


def _strip_marks(name: str) -> str:
    while True:
        stripped = name.strip(_STRAY)
        for opening, closing in _PAIRS:
            if len(stripped) >= len(opening) * 2 and stripped.startswith(opening) and stripped.endswith(closing):
                stripped = stripped[len(opening) : -len(closing)]
                break
        if stripped == name:
            return "" if name in ('"', "'") else name
        name = stripped


def _cut_via(name: str) -> str:
    """Return the text before the last separate word "via" that has something on both sides."""
    ends = [match.start() for match in _VIA.finditer(name) if match.start()]
    return name[: ends[-1]] if ends else name
