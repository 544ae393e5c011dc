"""Decide which UIDs form which segment, and which UIDs a watermark can later count as done. Pure."""

from collections.abc import Iterable, Iterator

from fetcher.imap.uids import Listed
from schemas.ledger import Failed
from schemas.scope import Scope
from schemas.segments import MAX_BYTES, MAX_MESSAGES, PlannedFolder, PlannedSegment
from schemas.uids import UidRanges

USUAL_MESSAGES = 200
SEGMENTS_A_FOLDER = 12
HEADERS_BYTES = 3 * MAX_BYTES
"""Bytes of mail for one segment in scope `headers`, which reads little of them. If they are all header, a processor
still reads the segment."""


def choose_chunks(messages: int) -> int:
    """Return the number of chunks of a mining: 16, or a larger power of two for a very large mailbox.

    Refining holds one chunk in memory at a time: at most the addresses of about 16,000 messages.
    """
    chunks = 16
    while chunks * 250_000 < messages * 16:
        chunks *= 2
    return chunks


def choose_messages(wanted: int) -> int:
    """Return the maximum number of messages per segment for a folder with `wanted` messages to fetch.

    Few large segments cost the least, because on Cloudflare each takes five operations of R2 and Queues. A dozen keep
    all connections busy. Batches of fewer than 200 messages are slower over IMAP.
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
    """Split a folder into segments of at most `messages` messages.

    `sizes` gives the UIDs to fetch, which are among the listed ones, in ascending order with their RFC822.SIZE. A
    segment also covers the nonexistent UIDs directly before each of its messages. Without a UIDVALIDITY (0), it covers
    nothing. If the server counts more messages than it listed, the folder has failed beyond its segments.
    """
    segments = (
        PlannedSegment(uids, listed.reach(uids) if uidvalidity else UidRanges())
        for uids in _cut(sizes, scope, messages)
    )
    return PlannedFolder(name, uidvalidity, tuple(segments), failed="" if listed.complete else Failed.UNLISTED.value)


def _cut(sizes: Iterable[tuple[int, int]], scope: Scope, messages: int) -> Iterator[UidRanges]:
    most = HEADERS_BYTES if scope is Scope.HEADERS else MAX_BYTES
    uids: list[int] = []
    total = 0
    for uid, announced in sizes:
        size = min(announced, scope.cap_bytes)
        if uids and (len(uids) == messages or total + size > most):
            yield UidRanges.of(uids)
            uids, total = [], 0
        uids.append(uid)
        total += size
    if uids:
        yield UidRanges.of(uids)
