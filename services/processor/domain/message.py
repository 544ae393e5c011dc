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
    """What the message at hand says of one address; names and plus addresses in order, None if there are none."""

    __slots__ = ("fields", "names", "plus")

    def __init__(self, field: int) -> None:
        self.fields = field
        self.names: dict[str, None] | None = None
        self.plus: dict[str, None] | None = None

    def add(self, plus: str | None, name: str | None) -> None:
        if name:
            self.names = self.names or {}
            self.names[name] = None
        if plus:
            self.plus = self.plus or {}
            self.plus[plus] = None


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
                if address in people:
                    said = people[address]
                    said.fields |= field
                else:
                    said = people[address] = _Said(field)
                if name or plus:
                    said.add(plus, name)
    return people


def _add_texts(people: dict[str, _Said], head: Head, fields: Fields, *, truncated: bool) -> None:
    data = head.data
    for part in find_texts(data, head.body, read_kind(fields)):
        for found in read_text(data, part, cut=truncated and part.end == len(data)):
            address, plus = split_plus(found)
            if address in people:
                said = people[address]
                said.fields |= facts.BODY
            else:
                said = people[address] = _Said(facts.BODY)
            if plus:
                said.add(plus, None)


def _read_date(fields: Fields, latest: int) -> int | None:
    for value in fields.get("date", ()):
        date = parse_date(value)
        if date is not None:
            return date if date < latest else None
    return None


def _grant(people: dict[str, _Said], fields: Fields, own: frozenset[str]) -> list[Point]:
    """Return the points of contact: everyone but the user, each with the message tag that its fields are granted."""
    mine = own & people.keys() if own else own
    wrote = 0
    for address in mine:
        if people.pop(address).fields & facts.FROM:
            wrote = facts.WROTE
    tag, served = decide_tag(fields)
    return [
        Point(
            address,
            tuple(said.plus) if said.plus else (),
            tuple(said.names) if said.names else (),
            said.fields | wrote if said.fields & _RECIPIENT else said.fields,
            tag if said.fields & served else facts.NO_TAG,
        )
        for address, said in people.items()
    ]
