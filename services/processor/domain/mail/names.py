"""Names of people as they are shown: decoded, and without the marks that mail systems add to them."""

import re
import unicodedata
from typing import Final

from processor.domain.mail.address_syntax import normalise_any
from processor.domain.mail.charset import decode_words
from processor.domain.mail.entities import decode_entities
from processor.domain.mail.invisible import drop_invisible

MAX_CHARACTERS: Final = 256
"""A longer text is not a name: nobody has such a long name, and rows and indexes are limited."""
_MAX_RAW: Final = 8 * MAX_CHARACTERS
"""A text longer than this is not even decoded: an encoded character takes up to nine characters."""

_NOT_SHOWN: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_VIA: Final = re.compile(r" \(?via (?=\S)")
_SERVICE: Final = re.compile(
    r" ?\((?:google(?: [a-z]+)?|drive|docs|sheets|slides|forms|calendar|dropbox|onedrive|sharepoint|linkedin|facebook"
    r"|slack|trello|jira|confluence|github|gitlab|asana|notion|figma|zoom|airbnb)\)$",
    re.IGNORECASE | re.ASCII,
)
_PAIRS: Final = (('\\"', '\\"'), ("\\'", "\\'"), ('"', '"'), ("'", "'"), ("\u201c", "\u201d"), ("\u2018", "\u2019"))
_LONE: Final = "\"'\u201c\u201d\u201e\u2018"
_SHORT_FORM: Final = re.compile(r"'[A-Za-z]{1,2}[ -]")
"""How some names begin: 't Hooft, 's-Gravesande."""
_STRAY: Final = " ,;"
_MARKS: Final = frozenset("\\\"'\u201c\u201d\u2018\u2019\u201e ,;")
"""What a name that is left as it is does not have on either side."""
PLAIN_NAME: Final = r"[A-Za-z0-9][A-Za-z0-9._-]*+(?>(?: (?!via )[A-Za-z0-9._-]++)*)"
"""Names that need no cleaning, as most do not."""
_PLAIN: Final = re.compile(PLAIN_NAME)
_LINK: Final = re.compile(r"<(?:mailto|smtp):[^<>]*>$", re.IGNORECASE)
_PREFIX: Final = re.compile(r"(?:mailto|smtp):$", re.IGNORECASE)
_OPENING: Final = ' <([{"|:;,'
_BEFORE_ADDRESS: Final = f"{_OPENING}'-\u2013\u2014/"
_BEHIND_ADDRESS: Final = " >)]}\"'|;,."


def clean_name(text: str) -> str:
    """Return a display name as people know it, or an empty text if there is none.

    Entities and encoded words are decoded until none is left. Invisible characters are removed, and runs of white space
    become one space. Outer quotes are removed, and so is the service that sent the message ("Jane via Slack", "Jane
    (Google Drive)"). A text without a letter or digit is not a name.
    """
    if _PLAIN.fullmatch(text) and len(text) <= MAX_CHARACTERS:
        return text
    if len(text) > _MAX_RAW:
        return ""
    name = drop_invisible(text)
    if "&" in name or "=?" in name:
        name = _decode(name)
    if not name.isascii():
        name = unicodedata.normalize("NFC", name)
    name = _strip_marks(" ".join(_NOT_SHOWN.sub(" ", name).split()))
    if "via " in name:
        name = _strip_marks(_cut_via(name))
    while name[-1:] == ")" and _SERVICE.search(name):
        name = _strip_marks(_SERVICE.sub("", name))
    return name if len(name) <= MAX_CHARACTERS and any(map(str.isalnum, name)) else ""


def name_beside(text: str, address: str, plus: str | None) -> str | None:
    """Return the cleaned name beside an address, without the address at its end; None if nothing is left."""
    name = clean_name(text)
    if "@" in name or name.endswith(">"):
        name = _cut_address(name, address, plus)
    return name or None


def _decode(text: str) -> str:
    """Decode entities and encoded words until none is left. Each round makes the text shorter, so this ends."""
    while True:
        decoded = drop_invisible(decode_words(decode_entities(text)))
        if len(decoded) >= len(text):
            return decoded
        text = decoded


def _strip_marks(name: str) -> str:
    while name and (name[0] in _MARKS or name[-1] in _MARKS):
        stripped = name.strip(_STRAY)
        for opening, closing in _PAIRS:
            if len(stripped) >= len(opening) * 2 and stripped.startswith(opening) and stripped.endswith(closing):
                stripped = stripped[len(opening) : -len(closing)]
                break
        else:
            stripped = _strip_lone(stripped)
        if stripped == name:
            break
        name = stripped
    return name


def _strip_lone(name: str) -> str:
    """Return a name without a quote mark on one side that has no other of its kind."""
    if name and name[0] in _LONE and name.count(name[0]) == 1 and not _SHORT_FORM.match(name):
        return name[1:]
    return name[:-1] if name and name[-1] in _LONE and name.count(name[-1]) == 1 else name


def _cut_via(name: str) -> str:
    """Return the text before the last separate word "via" that has something on both sides."""
    ends = [match.start() for match in _VIA.finditer(name) if match.start()]
    return name[: ends[-1]] if ends else name


def _cut_address(name: str, address: str, plus: str | None) -> str:
    """Return a name without the address at its end, in brackets or not, and without any `mailto:` link there."""
    while True:
        link = _LINK.search(name)
        if link:
            name = name[: link.start()]
        else:
            bare = name.rstrip(_BEHIND_ADDRESS)
            start = max(bare.rfind(mark) for mark in _OPENING) + 1
            last = bare[start:].lstrip("'")
            if "@" not in last or (normalise_any(last) or last) not in (address, plus):
                cleaned = clean_name(name)
                if "@" not in cleaned or len(cleaned) >= len(name):
                    return cleaned
                name = cleaned
                continue
            name = _PREFIX.sub("", bare[:start])
        name = name.rstrip(_BEFORE_ADDRESS)
