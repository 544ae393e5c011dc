"""Which addresses of a message are the user's own."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

from schemas.gmail import is_at_gmail, undot

_USERS: Final = 64


def find_own(addresses: Mapping[str, object], own: frozenset[str]) -> Collection[str]:
    """Return those of a message's addresses that are own ones. `own` are folded; those at Gmail match in any form."""
    found = own & addresses.keys()
    at_gmail = _read_gmail(own)
    if at_gmail:
        found |= {address for address in addresses if is_at_gmail(address) and undot(address) in at_gmail}
    return found


@lru_cache(maxsize=_USERS)
def _read_gmail(own: frozenset[str]) -> frozenset[str]:
    """Return the local parts of the own addresses at Gmail, without dots."""
    return frozenset(undot(address) for address in own if is_at_gmail(address))
