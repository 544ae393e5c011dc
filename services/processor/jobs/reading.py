"""Reads what a stored segment's messages say. Pure."""

from datetime import UTC, datetime, timedelta

from processor.domain.facts import Message
from processor.domain.mail.message import read_message
from schemas.ledger import Dead
from schemas.minings import Settings
from schemas.scope import Scope
from schemas.segments import Segment, UnreadableSegment


class SegmentFailed(Exception):
    """The segment itself cannot be counted. `reason` is the ledger's word for why."""

    def __init__(self, reason: Dead) -> None:
        super().__init__(reason.value)
        self.reason = reason


def read_segment(data: bytes, settings: Settings) -> tuple[Segment, list[Message]]:
    """Return a segment's head and what its messages say, in order; raise only SegmentFailed."""
    try:
        head, body = Segment.decode(data)
        own, latest = frozenset(settings.own), undated_from(settings.as_of)
        with_text = settings.scope != Scope.HEADERS
        return head, [
            read_message(
                raw,
                own=own,
                latest=latest,
                with_text=with_text,
                truncated=message.truncated,
                received=message.internal_date,
            )
            for message, raw in head.bodies(body)
        ]
    except UnreadableSegment as error:
        raise SegmentFailed(Dead.UNREADABLE) from error
    except Exception as error:
        raise SegmentFailed(Dead.ERROR) from error


def undated_from(as_of: str) -> int:
    """Return the first timestamp that counts as no date: more than a day after the reference date, in UTC."""
    reference = datetime.strptime(as_of, "%Y-%m-%d").replace(tzinfo=UTC)
    return int((reference + timedelta(days=2)).timestamp())
