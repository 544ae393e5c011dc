"""Reads what a message says about whom, from its bytes. Pure, never raises, linear in the message's length."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from processor.domain import facts
from processor.domain.facts import Message, Point
from processor.domain.mail.address_syntax import split_plus
from processor.domain.mail.addresses import read_addresses
from processor.domain.mail.bounces import is_from_daemon
from processor.domain.mail.charset import decode_raw, has_raw
from processor.domain.mail.dates import choose_date
from processor.domain.mail.empty_fields import names_nobody
from processor.domain.mail.headers import Fields, Head, cut_head, has_references, message_key, read_fields
from processor.domain.mail.message_tags import decide_tag
from processor.domain.mail.mime import BOUNCE, Kind, declared_charset, find_texts, read_kind
from processor.domain.mail.own_addresses import find_own
from processor.domain.mail.rewritten_senders import Names, move_names
from processor.domain.mail.text import read_text

__all__ = ["Message", "Point", "read_message"]

_ADDRESS_FIELDS: Final = (
    ("from", facts.FROM),
    ("reply-to", facts.REPLY_TO),
    ("reply_to", facts.REPLY_TO),
    ("to", facts.TO),
    ("cc", facts.CC),
    ("bcc", facts.BCC),
    ("list-post", facts.LIST_POST),
)
"""Senders first, so that the names under which an address wrote come before those that others gave it."""
_SENDER: Final = facts.FROM | facts.REPLY_TO
_RECIPIENT: Final = facts.TO | facts.CC | facts.BCC
_point: Final[Callable[[tuple[str, tuple[str, ...], tuple[str, ...], int, int, int]], Point]] = partial(
    tuple.__new__, Point
)
"""Makes a `Point` from a tuple of its values without a Python-level call, of which there would be three per message."""


_message: Final[Callable[[tuple[bytes, int | None, bool, list[Point], bool, int]], Message]] = partial(
    tuple.__new__, Message
)

_People = tuple[dict[str, int], Names, dict[str, dict[str, None]]]
"""What a message says, by address: its fields, and its names and plus addresses in order, if there are any."""


def read_message(
    raw: bytes, *, own: frozenset[str], latest: int, with_text: bool, truncated: bool, received: int | None = None
) -> Message:
    """Return what a message says: its key, its date, whether it is part of a conversation, and its points of contact.

    `own` are the user's addresses as `fold_address` returns them; they are not points of contact. A date at or after
    `latest` (seconds since 1970) counts as none; then `received`, when the server got the message, takes its place. The
    text is read only `with_text`. If the message was `truncated`, an address at its end that may be incomplete is not
    read. Never raises: if the bytes are not a message, the result is `unparsable` and has only a key.
    """
    head = cut_head(raw, truncated=truncated)
    fields = read_fields(head.block)
    key = message_key(fields, head.block)
    if not head.recognised:
        return Message(key, None, False, [], True)
    try:
        if not head.block.isascii():
            _decode_names(fields, head)
        (people, unread_fields), kind = _read_people(fields), read_kind(fields)
        if kind.type == BOUNCE:
            _drop_senders(people)
        elif with_text:
            _add_texts(people, head, fields, kind, truncated=truncated)
        date = choose_date(fields.get("date", ()), received, latest)
        return _message((key, date, has_references(fields), _grant(people, fields, own), False, unread_fields))
    except Exception:
        return Message(key, None, False, [], True)


def _decode_names(fields: Fields, head: Head) -> None:
    """Decode the address fields that are not UTF-8. What the message's text is in is looked for only now."""
    names = [name for name, _ in _ADDRESS_FIELDS if any(map(has_raw, fields.get(name, ())))]
    if names:
        charset = declared_charset(head.data, head.body, read_kind(fields))
        for name in names:
            fields[name] = [decode_raw(value, charset) for value in fields[name]]


def _read_people(fields: Fields) -> tuple[_People, int]:
    """Return the people of a header block, and the number of its mailbox fields in which no address could be read."""
    bits: dict[str, int] = {}
    names: Names = {}
    plus_addresses: dict[str, dict[str, None]] = {}
    unread_fields = 0
    for field_name, field in _ADDRESS_FIELDS:
        if field_name in fields:
            for value in fields[field_name]:
                address = ""
                for address, plus, name in read_addresses(value):
                    bits[address] = bits.get(address, 0) | field
                    if name:
                        names.setdefault(address, {}).setdefault(name, field)
                    if plus:
                        plus_addresses.setdefault(address, {})[plus] = None
                if not address and field != facts.LIST_POST and not names_nobody(value):
                    unread_fields += 1
    if "from" in fields:
        for value in fields["from"]:
            if "via" in value or "=?" in value:
                move_names(value, fields, names)
    return (bits, names, plus_addresses), unread_fields


def _drop_senders(people: _People) -> None:
    """Drop who stands only in From or Reply-To of a report: a robot, whatever its address."""
    bits = people[0]
    for address in [address for address, field in bits.items() if not field & ~_SENDER]:
        del bits[address]


def _add_texts(people: _People, head: Head, fields: Fields, kind: Kind, *, truncated: bool) -> None:
    (bits, _, plus_addresses), (_, data, body, _) = people, head
    for part in find_texts(data, body, kind):
        addresses = read_text(data, part, cut=truncated and part.end == len(data))
        if addresses and is_from_daemon(fields):
            return
        for found in addresses:
            address = found
            if "+" in found:
                address, plus = split_plus(found)
                if plus:
                    plus_addresses.setdefault(address, {})[plus] = None
            bits[address] = bits.get(address, 0) | facts.BODY


def _grant(people: _People, fields: Fields, own: frozenset[str]) -> list[Point]:
    """Return the points of contact: everyone except the user, each with the message tag that its fields give it."""
    bits, names, plus = people
    wrote = 0
    for address in find_own(bits, own) if own else own:
        if bits.pop(address) & facts.FROM:
            wrote = facts.WROTE
    tag, served = decide_tag(fields)
    return [
        _point(
            (
                address,
                tuple(plus[address]) if address in plus else (),
                tuple(names[address]) if address in names else (),
                field | wrote if field & _RECIPIENT else field,
                tag if field & served else facts.NO_TAG,
                _count_signed(field, names[address]) if field & _SENDER and address in names else 0,
            )
        )
        for address, field in bits.items()
    ]


def _count_signed(fields: int, names: Mapping[str, int]) -> int:
    """Return how many of an address's names, from the first on, are of From or Reply-To."""
    return len(names) if fields < facts.TO else sum(field & _SENDER > 0 for field in names.values())
