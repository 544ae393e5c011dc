"""Characters that nobody sees. Programs leave them in names and around addresses, and no address has them."""

import re
from typing import Final

_INVISIBLE: Final = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]+")


def drop_invisible(text: str) -> str:
    """Return a text without soft hyphens, zero-width characters, marks of direction, and byte order marks."""
    return text if text.isascii() else _INVISIBLE.sub("", text)
