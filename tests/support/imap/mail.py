"""A mailbox in memory: folders of messages, and what SEARCH and FETCH say about them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from schemas.uids import UidRanges
from tests.support.imap.commands import words_of

LAST = 4_294_967_295
BODY = re.compile(rb"BODY(?:\.PEEK)?\[(?P<section>[^\]]*)\](?:<(?P<start>\d+)\.(?P<count>\d+)>)?", re.IGNORECASE)
MIDNIGHT = "%d-%b-%Y"


class Malformed(Exception):
    """The command cannot be understood."""


@dataclass
class Folder:
    """A folder: its messages by UID, its attributes, and its UIDVALIDITY, which is not sent if it is None.

    A message without a date of its own was received `uid` seconds after 2020-09-13 12:26:40 UTC.
    """

    messages: dict[int, bytes] = field(default_factory=dict)
    uidvalidity: int | None = 7
    attributes: str = ""
    dates: dict[int, datetime] = field(default_factory=dict)

    def received(self, uid: int) -> datetime:
        """Return when a message was received."""
        return self.dates.get(uid) or datetime.fromtimestamp(1_600_000_000 + uid, UTC)

    def search(self, criteria: list[bytes]) -> list[int]:
        """Return the UIDs that match all criteria: ALL, a set of positions, UID, SINCE and BEFORE."""
        uids = sorted(self.messages)
        wanted = iter(criteria)
        for word in wanted:
            match word.upper():
                case b"ALL":
                    pass
                case b"UID":
                    named = numbers(next(wanted, b""), uids[-1] if uids else 0)
                    uids = [uid for uid in uids if uid in named]
                case b"SINCE" | b"BEFORE":
                    day = _day(next(wanted, b""))
                    since = word.upper() == b"SINCE"
                    uids = [uid for uid in uids if (self.received(uid).date() >= day.date()) is since]
                case _:
                    positions = numbers(word, len(self.messages))
                    there = {uid: at for at, uid in enumerate(sorted(self.messages), start=1)}
                    uids = [uid for uid in uids if there[uid] in positions]
        return uids

    def fetch(self, which: bytes, items: bytes, *, by_uid: bool) -> Iterator[bytes]:
        """Yield the response for each message asked for."""
        uids = sorted(self.messages)
        asked = numbers(which, (uids[-1] if uids else 0) if by_uid else len(uids))
        wanted = list(words_of(items))
        for position, uid in enumerate(uids, start=1):
            if (uid if by_uid else position) in asked:
                said = b" ".join(self._item(uid, item) for item in wanted)
                yield b"* %d FETCH (%s)\r\n" % (position, said)

    def _item(self, uid: int, item: bytes) -> bytes:
        message = self.messages[uid]
        match item.upper():
            case b"UID":
                return b"UID %d" % uid
            case b"FLAGS":
                return b"FLAGS (\\Seen)"
            case b"RFC822.SIZE":
                return b"RFC822.SIZE %d" % len(message)
            case b"INTERNALDATE":
                return f'INTERNALDATE "{self.received(uid):%d-%b-%Y %H:%M:%S %z}"'.encode()
        if not (body := BODY.fullmatch(item)):
            raise Malformed
        part = _section(message, body["section"].upper())
        origin = b""
        if body["start"]:
            start, count = int(body["start"]), int(body["count"])
            part, origin = part[start : start + count], b"<%d>" % start
        return b"BODY[%s]%s {%d}\r\n%s" % (body["section"], origin, len(part), part)


def numbers(text: bytes, last: int) -> range | set[int]:
    """Return the numbers of a sequence set; `*` is the last one."""
    parts = [part.replace(b"*", b"%d" % last).split(b":") for part in text.split(b",")]
    try:
        pairs = [sorted((int(part[0]), int(part[-1]))) for part in parts]
        ranges = list(UidRanges((max(first, 1), end) for first, end in pairs if end).pairs())
    except ValueError:
        raise Malformed from None
    if any(end > LAST for _, end in ranges):
        raise Malformed
    if len(ranges) == 1:
        return range(ranges[0][0], ranges[0][1] + 1)
    return {number for first, end in ranges for number in range(first, end + 1)}


def _section(message: bytes, section: bytes) -> bytes:
    if not section:
        return message
    head, _, rest = message.partition(b"\r\n\r\n")
    if section == b"HEADER":
        return head + b"\r\n\r\n"
    if section == b"TEXT":
        return rest
    if section.startswith(b"HEADER.FIELDS ("):
        names = {name.lower() for name in section[section.index(b"(") + 1 :].rstrip(b")").split()}
        fields = re.split(rb"\r\n(?![ \t])", head)
        return b"".join(each + b"\r\n" for each in fields if each.partition(b":")[0].lower() in names) + b"\r\n"
    raise Malformed


def _day(text: bytes) -> datetime:
    try:
        return datetime.strptime(text.decode("ascii", "replace"), MIDNIGHT).replace(tzinfo=UTC)
    except ValueError:
        raise Malformed from None
