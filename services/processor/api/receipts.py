"""The receipt of an erasure: what was deleted, in counts and a hash."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Any


class ErasureReceipt:
    """Counts contacts and minings, and hashes the addresses in byte order, however many slices they come in."""

    def __init__(self) -> None:
        self._contacts = 0
        self._minings = 0
        self._keys = sha256()

    def add(self, addresses: Iterable[str], *, minings: int = 0) -> None:
        """Count what was deleted after what is counted already. The addresses are in byte order."""
        self._minings += minings
        for address in addresses:
            self._keys.update(f"\n{address}".encode() if self._contacts else address.encode())
            self._contacts += 1

    def to_json(self) -> dict[str, Any]:
        """Return the counts, and the SHA-256 of the addresses joined by line feeds."""
        return {"contacts": self._contacts, "minings": self._minings, "keys": self._keys.hexdigest()}
