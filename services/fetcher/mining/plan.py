"""Which UIDs make up which segment, and which a watermark may then count as done. Pure."""

from collections.abc import Iterable, Iterator

from fetcher.imap.uids import Listed
from schemas.scope import Scope
from schemas.segments import MAX_BYTES, MAX_MESSAGES, PlannedFolder, PlannedSegment
from schemas.uids import UidRanges

USUAL_MESSAGES = 200
SEGMENTS_A_FOLDER = 12


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
