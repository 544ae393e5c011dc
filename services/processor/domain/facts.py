"""What one message says: the types that extraction passes on to packing.

Each field is one bit, so that the fields of a message's copies combine by OR. A message tag is its row number in the
table of tags, so that the smallest of several numbers is the tag that comes first.
"""

from typing import Final, NamedTuple

FROM: Final = 1
REPLY_TO: Final = 2
TO: Final = 4
CC: Final = 8
BCC: Final = 16
LIST_POST: Final = 32
BODY: Final = 64
WROTE: Final = 128
"""The message is from the user, and the address is in its To, Cc or Bcc."""

NO_TAG: Final = 0
CHAT: Final = 1
NEWSLETTER: Final = 2
GROUP: Final = 3
TRANSACTIONAL: Final = 4


class Point(NamedTuple):
    """What one message says about one address. `tag` is the message tag that the address's fields give it.

    The first `signed` of the names are those under which the address itself wrote, in From or Reply-To. The others were
    given to it by someone else.
    """

    address: str
    plus: tuple[str, ...]
    names: tuple[str, ...]
    fields: int
    tag: int
    signed: int = 0


class Message(NamedTuple):
    """What one copy of a message says. `date` is in seconds since 1970, UTC; `key` has 16 bytes.

    `unread_fields` counts the mailbox fields that say something, but in which no address could be read.
    """

    key: bytes
    date: int | None
    conversation: bool
    points: list[Point]
    unparsable: bool
    unread_fields: int = 0
