"""Refining: turns what a chunk's messages say into persons, each with counters, names, tags and a verdict."""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from processor.domain.contacts.names import Ballot, NameVotes
from processor.domain.contacts.packing import Said, unite
from processor.domain.contacts.search import fold_text, search_text
from processor.domain.contacts.tags import (
    ADDRESS,
    HEADER,
    Tag,
    Tags,
    add_message_tag,
    read_address,
    read_host,
    rename_newsletter,
)
from processor.domain.facts import BCC, CC, FROM, REPLY_TO, TO, WROTE
from schemas.ledger import Verdict

SENDER: Final = FROM | REPLY_TO
RECIPIENT: Final = TO | CC | BCC

TagCount = tuple[str, int, str, int]
"""A tag's name, reachability and source, and how many messages have it."""
Kind = tuple[int, int, int, bool]
"""What counts about a message: fields, conversation, message tag, and whether a name in it says newsletter."""
Contact = dict[str, Any]
"""A contact for the permanent side's `apply_refined_chunk`, as `Person.contact` makes it."""

_encode: Final = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


class Person(NamedTuple):
    """One address within one mining. All counters are in messages, dates in seconds since 1970, UTC."""

    address: str
    verdict: Verdict
    occurrence: int
    sender: int
    recipient: int
    conversations: int
    replied_conversations: int
    recency: int | None
    seniority: int | None
    names: list[NameVotes]
    plus: list[str]
    tags: list[TagCount]

    def contact(self) -> Contact:
        """Return the person's fields that the permanent side merges, and what it finds the person by."""
        fields: Contact = dict(zip(self._fields, self, strict=True))
        del fields["verdict"]
        fields["names"] = [_add_key(vote) for vote in self.names]
        texts = [*(vote[1] for vote in self.names), self.address, *self.plus]
        fields["search"] = search_text(texts, [tag[0] for tag in self.tags])
        return fields


def _add_key(vote: NameVotes) -> Sequence[Any]:
    """Return the vote with its name's place in the order of names, if that differs from the folded name."""
    folded = vote[1]
    if folded.isascii():
        return vote
    key = fold_text(folded)
    return vote if key == folded else (*vote, key)


def refine(rows: Iterable[str]) -> Iterator[Person]:
    """Yield the persons in a chunk's rows, in byte order of their addresses. The order of the rows does not matter."""
    yield from refine_united(unite(rows))


def refine_united(united: dict[str, dict[str, Said]]) -> Iterator[Person]:
    """Yield the persons that `unite` found, in byte order of their addresses, and take each out of it."""
    for address in sorted(united):
        local, _, host = address.rpartition("@")
        yield _refine_person(address, read_address(local, read_host(host)), united.pop(address).values())


def cut_parts(contacts: Sequence[Contact], *, max_bytes: int) -> list[str]:
    """Return the contacts in order as JSON arrays, each at most `max_bytes` long; an empty list for no contacts.

    Parts are ASCII, so that bytes are characters. Contacts that exceed a part, which is rare for a chunk, are halved. A
    contact that exceeds a part by itself keeps only its first names and plus addresses.
    """
    if not contacts:
        return []
    text = _encode(contacts)
    if len(text) <= max_bytes:
        return [text]
    if len(contacts) == 1:
        return [f"[{_encode_contact(contacts[0], max_bytes - 2)}]"]
    middle = len(contacts) // 2
    return [part for half in (contacts[:middle], contacts[middle:]) for part in cut_parts(half, max_bytes=max_bytes)]


def _encode_contact(contact: Contact, max_bytes: int) -> str:
    """Return a contact as JSON, halving its names or its plus addresses, whichever are more, until it fits."""
    text = _encode(contact)
    if len(text) <= max_bytes:
        return text
    names, plus = contact["names"], contact["plus"]
    if not names and not plus:
        raise ValueError("a contact without names or plus addresses exceeds a part")
    if names and len(names) >= len(plus):
        return _encode_contact(contact | {"names": names[: len(names) // 2]}, max_bytes)
    return _encode_contact(contact | {"plus": plus[: len(plus) // 2]}, max_bytes)


def _refine_person(address: str, tags: Tags, messages: Collection[Said]) -> Person:
    """Return the person for all messages about an address, given its tags without a newsletter name."""
    sender = recipient = conversations = replied = all_fields = 0
    kinds, ballot, dates, plus = _tally(messages)
    for (fields, conversation, _, _), count in kinds.items():
        all_fields |= fields
        if fields & SENDER:
            sender += count
        if fields & RECIPIENT:
            recipient += count
        if conversation:
            conversations += count
            if fields & FROM:
                replied += count
    counts = _count_tags(tags, kinds)
    return Person(
        address=address,
        verdict=_judge(counts, len(messages), wrote=all_fields & WROTE > 0),
        occurrence=len(messages),
        sender=sender,
        recipient=recipient,
        conversations=conversations,
        replied_conversations=replied,
        recency=max(dates) if dates else None,
        seniority=min(dates) if dates else None,
        names=ballot.rank(),
        plus=sorted(plus),
        tags=counts,
    )


def _tally(messages: Collection[Said]) -> tuple[dict[Kind, int], Ballot, list[int], set[str]]:
    """Return the number of messages of each kind, the votes for the names, all dates and all plus addresses."""
    kinds: dict[Kind, int] = {}
    ballot = Ballot()
    dates = []
    plus: set[str] = set()
    for date, conversation, fields, tag, plus_addresses, names, signed in messages:
        newsletter = ballot.count(names, signed, date) if names else False
        kind = (fields, conversation, tag, newsletter)
        kinds[kind] = kinds.get(kind, 0) + 1
        if date is not None:
            dates.append(date)
        if plus_addresses:
            plus.update(plus_addresses)
    return kinds, ballot, dates, plus


def _count_tags(tags: Tags, kinds: dict[Kind, int]) -> list[TagCount]:
    """Return how many messages have each tag, ordered by most messages, then name and source."""
    counts: dict[Tag, int] = {}
    for (_, _, message_tag, newsletter), count in kinds.items():
        for tag in add_message_tag(rename_newsletter(tags) if newsletter else tags, message_tag):
            counts[tag] = counts.get(tag, 0) + count
    counted = [(tag[0], tag[1], tag[2], count) for tag, count in counts.items()]
    if len(counted) > 1:
        counted.sort(key=lambda tag: (-tag[3], tag[0], tag[2]))
    return counted


def _judge(counts: list[TagCount], occurrence: int, *, wrote: bool) -> Verdict:
    """Return whether a person becomes a contact, and if not, why. Only a disposable domain leaves it without tags."""
    if not counts:
        return Verdict.DISPOSABLE
    reachable = False
    automated = 0
    for _, reachability, source, count in counts:
        reachable = reachable or (reachability == 1 and source == ADDRESS)
        automated += count if reachability in (0, 3) and source == HEADER else 0
    if not reachable:
        return Verdict.UNREACHABLE
    return Verdict.AUTOMATED if automated * 2 > occurrence and not wrote else Verdict.CONTACT
