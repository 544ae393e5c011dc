"""Reading a message: from its bytes to what it says of whom. Pure, never raising, linear in the message's length."""

from typing import Final

from processor.domain import facts
from processor.domain.address_syntax import split_plus
from processor.domain.addresses import read_addresses
from processor.domain.dates import parse_date
from processor.domain.facts import Message, Point
from processor.domain.headers import Fields, Head, cut_head, has_references, message_key, read_fields
from processor.domain.message_tags import decide_tag
from processor.domain.mime import find_texts, read_kind
from processor.domain.text import read_text

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
_RECIPIENT: Final = facts.TO | facts.CC | facts.BCC


class _Said:
    """What the message at hand says of one address; names and plus addresses in order, each once."""

    __slots__ = ("fields", "names", "plus")

    def __init__(self) -> None:
        self.fields = 0
        self.names: dict[str, None] = {}
        self.plus: dict[str, None] = {}


def read_message(raw: bytes, *, own: frozenset[str], latest: int, with_text: bool, truncated: bool) -> Message:
    """Return what a message says: its key, date, whether it is part of a conversation, and of whom it says what.

    `own` are the user's addresses as `fold_address` gives them: no points of contact. A date of `latest` (seconds since
    1970) or later counts as none. The text is read `with_text`; of a message that was `truncated`, no half address is.
    Never raises: what is no message at all is `unparsable`, and has a key and nothing else.
    """
    head = cut_head(raw, truncated=truncated)
    fields = read_fields(head.block)
    key = message_key(fields, head.block)
    if not head.recognised:
        return Message(key, None, False, [], True)
    try:
        people = _read_people(fields)
        if with_text:
            _add_texts(people, head, fields, truncated=truncated)
        return Message(key, _read_date(fields, latest), has_references(fields), _grant(people, fields, own), False)
    except Exception:
        return Message(key, None, False, [], True)


def _read_people(fields: Fields) -> dict[str, _Said]:
    people: dict[str, _Said] = {}
    for field_name, field in _ADDRESS_FIELDS:
        for value in fields.get(field_name, ()):
            for address, plus, name in read_addresses(value):
                said = people.get(address)
                if said is None:
                    said = people[address] = _Said()
                said.fields |= field
                if name:
                    said.names[name] = None
                if plus:
                    said.plus[plus] = None
    return people


def _add_texts(people: dict[str, _Said], head: Head, fields: Fields, *, truncated: bool) -> None:
    data = head.data
    for part in find_texts(data, head.body, read_kind(fields)):
        for found in set(read_text(data, part, cut=truncated and part.end == len(data))):
            address, plus = split_plus(found)
            said = people.get(address)
            if said is None:
                said = people[address] = _Said()
            said.fields |= facts.BODY
            if plus:
                said.plus[plus] = None


def _read_date(fields: Fields, latest: int) -> int | None:
    for value in fields.get("date", ()):
        date = parse_date(value)
        if date is not None:
            return date if date < latest else None
    return None


def _grant(people: dict[str, _Said], fields: Fields, own: frozenset[str]) -> list[Point]:
    """Return the points of contact: everyone but the user, each with the message tag that its fields are granted."""
    mine = own & people.keys()
    wrote = any(people[address].fields & facts.FROM for address in mine)
    decision = decide_tag(fields)
    points = []
    for address, said in people.items():
        if address not in mine:
            bits = said.fields | (facts.WROTE if wrote and said.fields & _RECIPIENT else 0)
            points.append(Point(address, tuple(said.plus), tuple(said.names), bits, decision.grant(bits)))
    return points
