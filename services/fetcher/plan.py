"""Which UIDs make up which segment, and which a watermark may then count as done. Pure."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import islice

from schemas.segments import MAX_BYTES, MAX_MESSAGES, MESSAGE_CAP_BYTES, TEXT_CAP_BYTES, PlannedFolder, PlannedSegment
from schemas.uids import UidRanges

USUAL_MESSAGES = 200
SEGMENTS_A_FOLDER = 12


class Scope(StrEnum):
    """How much of a message is read."""

    HEADERS = "headers"
    TEXT = "text"
    FULL = "full"

    @property
    def cap_bytes(self) -> int:
        """How many bytes of a message count when segments are cut; headers alone have no announced size."""
        return TEXT_CAP_BYTES if self is Scope.TEXT else MESSAGE_CAP_BYTES


def choose_chunks(messages: int) -> int:
    """Return the number of chunks of a mining: 16, and for very large mailboxes a power of two that grows with them.

    A chunk is what refining holds in memory at once: here the addresses of about 16,000 messages at most.
    """
    chunks = 16
    while chunks * 250_000 < messages * 16:
        chunks *= 2
    return chunks


def choose_messages(wanted: int) -> int:
    """Return how many messages a segment of a folder may hold, of which so many are to be fetched.

    Few large segments cost least: on Cloudflare each is five operations of R2 and Queues. A dozen keep all connections
    busy, and batches of less than 200 are slower over IMAP.
    """
    return max(USUAL_MESSAGES, min(wanted // SEGMENTS_A_FOLDER, MAX_MESSAGES))


@dataclass(frozen=True)
class Listed:
    """The UIDs that a search found. `joined`: it was of all messages, so that no UID between them exists."""

    uids: UidRanges
    joined: bool

    def reach(self, uids: UidRanges) -> UidRanges:
        """Return the given ones of these UIDs with what does not exist right before each of them.

        Without `joined` nothing is known of what lies between, and they are returned as they are.
        """
        if not self.joined:
            return uids
        return UidRanges((self._after_the_one_before(first), last) for first, last in uids.pairs())

    def _after_the_one_before(self, uid: int) -> int:
        at = bisect_left(self._ranges, (uid, uid))
        if at == len(self._ranges) or self._ranges[at][0] != uid:
            return uid
        return self._ranges[at - 1][1] + 1 if at else 1

    @cached_property
    def _ranges(self) -> list[tuple[int, int]]:
        return list(self.uids.pairs())


def subtract(uids: UidRanges, done: UidRanges) -> UidRanges:
    """Return the first set less the second, by ranges: neither is ever spread out into single numbers."""
    kept: list[tuple[int, int]] = []
    holes = list(done.pairs())
    at = 0
    for first, last in uids.pairs():
        while at < len(holes) and holes[at][1] < first:
            at += 1
        for hole_first, hole_last in islice(holes, at, None):
            if hole_first > last:
                break
            if first < hole_first:
                kept.append((first, hole_first - 1))
            first = hole_last + 1
        if first <= last:
            kept.append((first, last))
    return UidRanges(kept)


def spread(uids: UidRanges) -> Iterator[int]:
    """Yield each number of a set, ascending."""
    for first, last in uids.pairs():
        yield from range(first, last + 1)


def split_uids(uids: UidRanges, count: int, *, ranges: int) -> Iterator[UidRanges]:
    """Yield the set in ascending parts of at most `count` numbers in at most so many ranges."""
    part: list[tuple[int, int]] = []
    room = count
    for first, last in uids.pairs():
        while first <= last:
            end = min(last, first + room - 1)
            part.append((first, end))
            room -= end - first + 1
            first = end + 1
            if room == 0 or len(part) == ranges:
                yield UidRanges(part)
                part, room = [], count
    if part:
        yield UidRanges(part)


def plan_folder(
    name: str,
    uidvalidity: int,
    *,
    listed: Listed,
    sizes: Iterable[tuple[int, int]],
    scope: Scope,
    messages: int = USUAL_MESSAGES,
) -> PlannedFolder:
    """Cut a folder into segments of at most so many messages.

    `sizes` are those of the listed UIDs that are to be fetched, ascending, with their RFC822.SIZE. Covered with a
    message is what does not exist right before it; without a UIDVALIDITY (0) nothing is ever covered.
    """
    segments = (
        PlannedSegment(uids, listed.reach(uids) if uidvalidity else UidRanges())
        for uids in _cut(sizes, scope.cap_bytes, messages)
    )
    return PlannedFolder(name, uidvalidity, tuple(segments))


def _cut(sizes: Iterable[tuple[int, int]], cap_bytes: int, messages: int) -> Iterator[UidRanges]:
    uids: list[int] = []
    total = 0
    for uid, announced in sizes:
        size = min(announced, cap_bytes)
        if uids and (len(uids) == messages or total + size > MAX_BYTES):
            yield UidRanges.of(uids)
            uids, total = [], 0
        uids.append(uid)
        total += size
    if uids:
        yield UidRanges.of(uids)
