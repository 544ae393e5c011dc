"""Which addresses of a message are the user's own."""

from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Final

_GMAIL: Final = ("@gmail.com", "@googlemail.com")
"""Two names of one host, which ignores dots in the local part (support.google.com/mail/answer/7436150, 2026-11)."""
_USERS: Final = 64


def find_own(addresses: Mapping[str, object], own: frozenset[str]) -> Collection[str]:
    """Return those of a message's addresses that are own ones. `own` are folded; those at Gmail match in any form."""
    found = own & addresses.keys()
    at_gmail = _read_gmail(own)
    if at_gmail:
        found |= {address for address in addresses if address.endswith(_GMAIL) and _undot(address) in at_gmail}
    return found


@lru_cache(maxsize=_USERS)
def _read_gmail(own: frozenset[str]) -> frozenset[str]:
    """Return the local parts of the own addresses at Gmail, without dots."""
    return frozenset(_undot(address) for address in own if address.endswith(_GMAIL))


def _undot(address: str) -> str:
    return address.rpartition("@")[0].replace(".", "")
