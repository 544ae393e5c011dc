"""Which fields of a header name nobody on purpose, so that it is no fault if no address can be read in them."""

import re
from typing import Final

_COMMENT: Final = re.compile(r"\([^()]*+\)")
_DEPTH: Final = 4
"""Comments within comments that are left out. Nobody writes more."""
_EMPTY_GROUPS: Final = re.compile(r"(?>(?:[\s,<]*+[^:;,@<>]*+:[\s,]*+;[\s,>]*+)+)")
_UNDISCLOSED: Final = re.compile(r"[\W_]*+(?:undisclosed|unlisted)[\W_]*+recipients?+(?![^\W_])", re.IGNORECASE)
"""What servers make of a group: `undisclosed-recipients:@acme.com;`, `<Undisclosed Recipients@acme.com>`."""


def names_nobody(value: str) -> bool:
    """Return whether a mailbox field is empty: without a letter or digit, or only groups without members."""
    bare = value
    for _ in range(_DEPTH if "(" in value else 0):
        bare = _COMMENT.sub(" ", bare)
    return (
        not any(map(str.isalnum, bare))
        or (":" in bare and _EMPTY_GROUPS.fullmatch(bare) is not None)
        or _UNDISCLOSED.match(bare) is not None
    )
