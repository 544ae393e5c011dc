"""The matrix of parity, as it is printed and kept in README."""

from dataclasses import dataclass
from typing import Final

HEAD: Final = (
    "| mailbox | messages | contacts | postgresql | cloudflare | both | D1 and R2 counted |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the matrix; `digests` are those of exports and ledger in each mode."""

    mailbox: str
    messages: int
    contacts: int
    digests: tuple[str, str]
    counters: str

    def __str__(self) -> str:
        equal = "equal" if self.digests[0] == self.digests[1] else "DIFFER"
        places = f"{self.mailbox} | {self.messages:,} | {self.contacts:,} | {' | '.join(self.digests)} | {equal}"
        return f"| {places} | {self.counters} |"
