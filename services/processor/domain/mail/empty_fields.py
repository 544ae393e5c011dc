"""Which fields of a header name nobody on purpose, so that it is no fault if no address can be read in them."""

import re
from typing import Final

_QUOTED_OR_COMMENT: Final = re.compile(r'"[^"\\]*+(?>(?:\\.[^"\\]*+)*)"|\([^()\\]*+\)', re.DOTALL)
_EMPTY_GROUPS: Final = re.compile(r"(?>(?:[\s,<]*+[^:;,@<>]*+:[\s,]*+;(?:@[\w.-]*+)?[\s,>]*+)+)")
"""Groups without members, such as `undisclosed-recipients:;`. Old Sendmail adds `@` and a host."""


def names_nobody(value: str) -> bool:
    """Return whether a mailbox field is empty: no letter or digit, or only groups without members."""
    bare = _QUOTED_OR_COMMENT.sub("", value)
    if ":" in bare and _EMPTY_GROUPS.fullmatch(bare):
        return True
    return not any(map(str.isalnum, value))
