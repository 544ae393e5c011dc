"""Gmail has two names, and ignores dots in local parts (support.google.com/mail/answer/7436150, 2026-11)."""

from typing import Final

_HOSTS: Final = ("@gmail.com", "@googlemail.com")


def is_at_gmail(address: str) -> bool:
    """Return whether a folded address is at Gmail."""
    return address.endswith(_HOSTS)


def undot(address: str) -> str:
    """Return the local part of an address at Gmail without its dots: the same for all forms of one mailbox."""
    return address.rpartition("@")[0].replace(".", "")
