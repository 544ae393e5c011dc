"""How much of each message a mining reads."""

from enum import StrEnum

from schemas.segments import MESSAGE_CAP_BYTES, TEXT_CAP_BYTES


class Scope(StrEnum):
    """Headers only, the text, or the full message."""

    HEADERS = "headers"
    TEXT = "text"
    FULL = "full"

    @property
    def cap_bytes(self) -> int:
        """The most bytes of one message to count when planning segments. Servers announce no size for headers alone."""
        return TEXT_CAP_BYTES if self is Scope.TEXT else MESSAGE_CAP_BYTES
