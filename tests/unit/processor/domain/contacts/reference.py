"""Refining the plain way: each rule is applied separately to all messages, without regard to speed."""

from collections import Counter
from collections.abc import Iterable

from processor.domain.contacts.names import NameVotes
from processor.domain.contacts.refine import Person, TagCount
from processor.domain.contacts.tags import Tag, add_message_tag, address_tags, says_newsletter
from processor.domain.facts import BCC, CC, FROM, REPLY_TO, TO, WROTE, Message, Point
from schemas.ledger import Verdict

Copies = list[tuple[Message, Point]]


def refine_carefully(messages: Iterable[Message]) -> list[Person]:
    """Return the persons for these messages, in order of their addresses."""
    said = [(message, point) for message in messages for point in message.points]
    addresses = sorted({point.address for _, point in said}, key=str.encode)
    return [_refine(address, [pair for pair in said if pair[1].address == address]) for address in addresses]


def _refine(address: str, said: Copies) -> Person:
    keys = {message.key for message, _ in said}
    by_key = [[pair for pair in said if pair[0].key == key] for key in sorted(keys)]
    dates = [date for copies in by_key if (date := _date(copies)) is not None]
    conversations = [copies for copies in by_key if any(message.conversation for message, _ in copies)]
    tags = _tags(address, by_key)
    return Person(
        address=address,
        verdict=_verdict(tags, len(by_key), wrote=any(_stands(copies, WROTE) for copies in by_key)),
        occurrence=len(by_key),
        sender=sum(_stands(copies, FROM, REPLY_TO) for copies in by_key),
        recipient=sum(_stands(copies, TO, CC, BCC) for copies in by_key),
        conversations=len(conversations),
        replied_conversations=sum(_stands(copies, FROM) for copies in conversations),
        recency=max(dates, default=None),
        seniority=min(dates, default=None),
        names=_names(by_key),
        plus=sorted({plus for _, point in said for plus in point.plus}),
        tags=tags,
    )


def _date(copies: Copies) -> int | None:
    return min((message.date for message, _ in copies if message.date is not None), default=None)


def _stands(copies: Copies, *fields: int) -> bool:
    return any(point.fields & field for _, point in copies for field in fields)


def _names_of(copies: Copies) -> set[str]:
    return {name for _, point in copies for name in point.names}


def _names(by_key: list[Copies]) -> list[NameVotes]:
    ranked = []
    for name in {name for copies in by_key for name in _names_of(copies)}:
        bearing = [copies for copies in by_key if name in _names_of(copies)]
        dates = [date for copies in bearing if (date := _date(copies)) is not None]
        signed = int(any(name in point.names[: point.signed] for copies in bearing for _, point in copies))
        ranked.append((name, _fold(name), len(bearing), max(dates, default=None), signed))
    ranked.sort(key=lambda vote: vote[0])
    ranked.sort(key=lambda vote: float("-inf") if vote[3] is None else vote[3], reverse=True)
    ranked.sort(key=lambda vote: vote[2], reverse=True)
    ranked.sort(key=lambda vote: vote[4], reverse=True)
    together: list[NameVotes] = []
    for vote in ranked:
        spellings = [other for other in ranked if other[1] == vote[1]]
        straight = [other for other in spellings if "," not in other[0]]
        turned = [other for other in spellings if "," in other[0]]
        together += [] if vote in together else straight + turned
    return together


def _fold(name: str) -> str:
    words = name.strip().casefold().split(", ")
    return f"{words[1]} {words[0]}" if len(words) == 2 else words[0]


def _tags(address: str, by_key: list[Copies]) -> list[TagCount]:
    counts: Counter[Tag] = Counter()
    for copies in by_key:
        granted = min((point.tag for _, point in copies if point.tag), default=0)
        newsletter = any(says_newsletter(name) for name in _names_of(copies))
        counts.update(add_message_tag(address_tags(address, newsletter), granted))
    counted = [(name, reachability, source, count) for (name, reachability, source), count in counts.items()]
    return sorted(counted, key=lambda tag: (-tag[3], tag[0], tag[2]))


def _verdict(tags: list[TagCount], occurrence: int, *, wrote: bool) -> Verdict:
    if not tags:
        return Verdict.DISPOSABLE
    if not [tag for tag in tags if tag[1:3] == (1, "email_address")]:
        return Verdict.UNREACHABLE
    automated = sum(tag[3] for tag in tags if tag[1] in (0, 3) and tag[2] == "message_header")
    return Verdict.CONTACT if automated <= occurrence / 2 or wrote else Verdict.AUTOMATED
