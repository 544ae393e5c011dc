"""How much of each message a mining reads."""

from enum import StrEnum

from schemas.segments import MESSAGE_CAP_BYTES, TEXT_CAP_BYTES


class Scope(StrEnum):
    """How much of a message is read."""

    HEADERS = "headers"
    TEXT = "text"
    FULL = "full"

    @property
    def cap_bytes(self) -> int:
        """How many bytes of a message count when segments are cut; headers alone have no announced size."""
        return TEXT_CAP_BYTES if self is Scope.TEXT else MESSAGE_CAP_BYTES
