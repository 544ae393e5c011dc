"""Who wrote the mail in the mailbox's Sent folders: perhaps the user, under an address that was not named.

This is counted in memory only, from the messages that this run reads. Nothing of it is stored or sent.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping

from fetcher.imap.mailbox import HEADER_END, Message
from schemas.gmail import is_at_gmail, undot

MAX_SHOWN = 3
"""More addresses in one question would be a list to work through."""
_FROM = re.compile(rb"^from[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", re.IGNORECASE | re.MULTILINE)
_ADDRESS = re.compile(r"(?:<\s*|^\s*)([\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,63})\s*(?:>|$)")


def count_senders(messages: Iterable[Message]) -> Counter[str]:
    """Return how many of these messages are from each address, without messages from several addresses or none."""
    senders = (read_sender(message.body) for message in messages)
    return Counter(sender for sender in senders if sender)


def read_sender(message: bytes) -> str | None:
    """Return the address in From, in lower case and without its plus part; None unless it is one plain address."""
    end = HEADER_END.search(message)
    fields = _FROM.findall(message, 0, end.start() if end else len(message))
    found = _ADDRESS.findall(fields[0].decode("ascii", "replace").lower()) if len(fields) == 1 else []
    return _fold(found[0]) if len(found) == 1 else None


def perhaps_own(senders: Mapping[str, int], own: Iterable[str]) -> tuple[str, ...]:
    """Return the addresses that are not own ones, those with most messages first."""
    known = {_canonical(address) for address in own}
    strangers = [address for address in senders if _canonical(address) not in known]
    return tuple(sorted(strangers, key=lambda address: (-senders[address], address))[:MAX_SHOWN])


def _fold(address: str) -> str:
    local, _, host = address.rpartition("@")
    return f"{local.partition('+')[0] or local}@{host}"


def _canonical(address: str) -> str:
    return f"{undot(address)}@gmail.com" if is_at_gmail(address) else address
