"""What came of reading a segment, and why nothing more comes of a folder."""

from dataclasses import dataclass, field

from fetcher.imap.mailbox import Message
from schemas.ledger import Failed, Skipped

READING_BYTES = 36 * 1024 * 1024
"""Of one segment, at most this much is read, and one more answer. 500 messages in scope `text` have 32 MiB."""


class FolderLost(Exception):
    """A planned folder cannot be read any further; `reason` is the ledger's word for why."""

    def __init__(self, reason: Failed) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(slots=True)
class Reading:
    """The result of reading a segment: its messages, and the UIDs that could not be read, by reason."""

    messages: dict[int, Message] = field(default_factory=dict)
    absent: dict[Skipped | Failed, list[int]] = field(default_factory=dict)

    @property
    def is_full(self) -> bool:
        """Whether the messages take all the memory that a segment may take."""
        return sum(len(message.body) for message in self.messages.values()) >= READING_BYTES

    def leave_out(self, reason: Skipped | Failed, uids: set[int]) -> None:
        """Record why messages are missing."""
        if uids:
            self.absent.setdefault(reason, []).extend(sorted(uids))
