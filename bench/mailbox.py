"""A mailbox for benchmarks: the corpus's real messages, repeated with new ids, in Dovecot on loopback."""

import itertools
import re
from collections.abc import Iterable, Iterator

from bench.corpus import read_corpus
from tests.support.dovecot import Dovecot

LOGIN = "bench@example.org"
PASSWORD = "a password of the benchmark alone"
FOLDER = "INBOX"
_MESSAGE_ID = re.compile(rb"^message-id:[ \t]*<?", re.IGNORECASE | re.MULTILINE)


def repeat_messages(count: int, messages: Iterable[bytes] | None = None) -> Iterator[bytes]:
    """Yield `count` of the messages, by default the corpus's.

    From the second round on, each has a new Message-ID, or a new header if it has no id.
    """
    corpus = list(read_corpus() if messages is None else messages)
    for number in range(count):
        message = corpus[number % len(corpus)]
        yield rename(message, number // len(corpus)) if number >= len(corpus) else message


def rename(message: bytes, turn: int) -> bytes:
    """Return the message with the same text and a different id."""
    head, blank, body = message.partition(b"\r\n\r\n")
    mark = b"%d." % turn
    renamed, found = _MESSAGE_ID.subn(lambda match: match[0] + mark, head)
    if not found:
        renamed = b"X-Turn: " + mark + b"\r\n" + head
    return renamed + blank + body


def fill_mailbox(dovecot: Dovecot, count: int, messages: Iterable[bytes] | None = None) -> int:
    """Deliver `count` messages to the benchmark's user and return their total size in bytes."""
    dovecot.add_user(LOGIN, PASSWORD)
    total = 0
    repeated = repeat_messages(count, messages)
    while batch := list(itertools.islice(repeated, 1000)):
        total += sum(map(len, batch))
        dovecot.deliver(LOGIN, FOLDER, batch)
    return total
