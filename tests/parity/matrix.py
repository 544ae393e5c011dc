"""The table of both modes, as the tests print it and `docs/architecture.md` keeps it."""

import re
from dataclasses import dataclass
from typing import Final

HEAD: Final = (
    "| mailbox | messages | contacts | postgresql | cloudflare | both | D1 and R2 counted |\n"
    "| --- | --- | --- | --- | --- | --- | --- |"
)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the matrix; `digests` has one digest of exports and ledger per mode."""

    mailbox: str
    messages: int
    contacts: int
    digests: tuple[str, str]
    counters: str

    def __str__(self) -> str:
        mailbox, messages, contacts, equal = self.findings
        return f"| {mailbox} | {messages} | {contacts} | {' | '.join(self.digests)} | {equal} | {self.counters} |"

    @property
    def findings(self) -> list[str]:
        """Return the cells that must be the same in every run."""
        equal = "equal" if self.digests[0] == self.digests[1] else "DIFFER"
        return [self.mailbox, f"{self.messages:,}", f"{self.contacts:,}", equal]


def numbers(counters: str) -> list[int]:
    """Return the numbers in a text of counters, in order."""
    return [int(number.replace(",", "")) for number in re.findall(r"[\d,]*\d", counters)]
