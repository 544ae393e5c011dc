"""Refining makes persons from what all their messages say, in whatever order the messages come."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.domain.contacts.packing import pack
from processor.domain.contacts.refine import Person, refine
from processor.domain.facts import (
    BCC,
    BODY,
    CC,
    CHAT,
    FROM,
    GROUP,
    LIST_POST,
    NEWSLETTER,
    REPLY_TO,
    TO,
    TRANSACTIONAL,
    WROTE,
    Message,
)
from schemas.ledger import Verdict
from tests.support.messages import make_message, make_point, messages
from tests.unit.processor.domain.contacts.reference import refine_carefully

JANE = "jane@acme.com"


def persons_of(*listed: Message) -> list[Person]:
    return list(refine(row for rows in pack(listed, chunks=1, max_bytes=1_000_000).values() for row in rows))


def person_of(*listed: Message) -> Person:
    (person,) = persons_of(*listed)
    return person


def test_a_person_is_handed_over_as_the_agreed_contact() -> None:
    """A contact has all keys except the verdict, each name as written and folded, and what it is found by."""
    listed = [
        make_message(1, make_point(JANE, FROM, names=("Jane Doe",), signed=1), date=1649169980, conversation=True),
        make_message(2, make_point(JANE, REPLY_TO, names=("Jane Doe",), signed=1, plus=("jane+x@acme.com",))),
        make_message(3, make_point(JANE, TO)),
    ]

    contact = person_of(*listed).contact()

    assert contact == {
        "address": "jane@acme.com",
        "occurrence": 3,
        "sender": 2,
        "recipient": 1,
        "conversations": 1,
        "replied_conversations": 1,
        "recency": 1649169980,
        "seniority": 1649169980,
        "names": [("Jane Doe", "jane doe", 2, 1649169980, 1)],
        "plus": ["jane+x@acme.com"],
        "tags": [("professional", 1, "email_address", 3)],
        "search": "tprofessional wjane wdoe wacme wcom wx",
    }


def test_a_name_with_accents_has_its_place_among_names() -> None:
    """A name whose folded form has accents comes with the form without, by which names are ordered."""
    listed = [make_message(1, make_point(JANE, FROM, names=("Élise Doe",), signed=1))]

    contact = person_of(*listed).contact()

    assert contact["names"] == [("Élise Doe", "élise doe", 1, None, 1, "elise doe")]
    assert contact["search"] == "tprofessional welise wdoe wjane wacme wcom"


@pytest.mark.parametrize(
    ("fields", "sender", "recipient"),
    [
        (FROM, 1, 0),
        (REPLY_TO, 1, 0),
        (FROM | REPLY_TO, 1, 0),
        (TO, 0, 1),
        (CC, 0, 1),
        (BCC | TO | CC, 0, 1),
        (FROM | TO, 1, 1),
        (BODY, 0, 0),
        (LIST_POST, 0, 0),
    ],
)
def test_messages_are_counted_not_fields(fields: int, sender: int, recipient: int) -> None:
    """A message counts once in each counter, however many of its fields have the address."""
    person = person_of(make_message(1, make_point(JANE, fields)))

    assert (person.occurrence, person.sender, person.recipient) == (1, sender, recipient)


@pytest.mark.parametrize(("fields", "replied"), [(FROM, 1), (REPLY_TO, 0), (TO, 0), (BODY, 0), (FROM | CC, 1)])
def test_a_reply_is_a_message_of_a_conversation_from_the_address(fields: int, replied: int) -> None:
    """Any field counts a conversation, only From a replied one, and other messages count as neither."""
    listed = [make_message(1, make_point(JANE, fields), conversation=True), make_message(2, make_point(JANE, FROM))]

    person = person_of(*listed)

    assert (person.conversations, person.replied_conversations) == (1, replied)


def test_undated_messages_count_but_date_nothing() -> None:
    """Recency and seniority are the latest and the earliest date of the dated messages."""
    dated = [make_message(key, make_point(JANE), date=date) for key, date in ((1, 30), (2, 10), (3, 20))]

    person = person_of(*dated, make_message(4, make_point(JANE)))
    undated = person_of(make_message(4, make_point(JANE)))

    assert (person.occurrence, person.recency, person.seniority) == (4, 30, 10)
    assert (undated.occurrence, undated.recency, undated.seniority) == (1, None, None)


def test_names_stand_by_messages_then_date_then_code_point() -> None:
    """Names are ordered by most messages, then latest date (undated last), then code point."""
    listed = [
        make_message(1, make_point(JANE, names=("Old", "Twice")), date=10),
        make_message(2, make_point(JANE, names=("New",)), date=30),
        make_message(3, make_point(JANE, names=("Twice", "jane", "Jane")), date=5),
        make_message(4, make_point(JANE, names=("Undated",))),
        make_message(5, make_point(JANE, names=("Epoch",)), date=0),
        make_message(6, make_point(JANE, names=("Before",)), date=-9),
    ]

    names = person_of(*listed).names

    assert names == [
        ("Twice", "twice", 2, 10, 0),
        ("New", "new", 1, 30, 0),
        ("Old", "old", 1, 10, 0),
        ("Jane", "jane", 1, 5, 0),
        ("jane", "jane", 1, 5, 0),
        ("Epoch", "epoch", 1, 0, 0),
        ("Before", "before", 1, -9, 0),
        ("Undated", "undated", 1, None, 0),
    ]


def test_own_names_come_before_hearsay() -> None:
    """One message under a name of the address's own weighs more than any number of others' messages."""
    others = [make_message(key, make_point(JANE, TO, names=("Janie from work",)), date=90) for key in range(5)]
    own = make_message(9, make_point(JANE, FROM, names=("Jane Doe",), signed=1), date=10)

    names = person_of(*others, own).names

    assert [(name[0], name[2], name[4]) for name in names] == [("Jane Doe", 1, 1), ("Janie from work", 5, 0)]


def test_a_name_that_others_use_too_is_still_the_own_one() -> None:
    """All messages with a name count, once the address wrote under it."""
    listed = [
        make_message(1, make_point(JANE, FROM | TO, names=("J. Doe", "Jane Doe"), signed=1)),
        make_message(2, make_point(JANE, FROM, names=("Jane Doe",), signed=1)),
    ]

    assert [(name[0], name[2], name[4]) for name in person_of(*listed).names] == [("Jane Doe", 2, 1), ("J. Doe", 1, 1)]


@pytest.mark.parametrize("turned", ["Doe, Jane", "DOE, Jane", "doe,jane", "Doe,  Jane"])
def test_a_turned_name_is_a_spelling_of_the_straight_one(turned: str) -> None:
    """If both occur, the straight one is shown in the place of the turned one, and no other name comes between."""
    listed = [make_message(key, make_point(JANE, FROM, names=(turned,), signed=1), date=key) for key in range(3)]
    listed.append(make_message(8, make_point(JANE, FROM, names=("Janie",), signed=1), date=8))
    listed.append(make_message(9, make_point(JANE, TO, names=("Jane Doe",)), date=9))

    names = person_of(*listed).names

    assert [(name[0], name[1]) for name in names] == [
        ("Jane Doe", "jane doe"),
        (turned, "jane doe"),
        ("Janie", "janie"),
    ]


@pytest.mark.parametrize("name", ["Doe, Jane", "Smith, John, Jr", "Acme, Inc."])
def test_a_name_with_a_comma_alone_is_shown_as_it_is(name: str) -> None:
    """Without the straight form, a name with commas is kept as it was written."""
    listed = [make_message(1, make_point(JANE, FROM, names=(name, "Jane")), date=5)]
    listed.append(make_message(2, make_point(JANE, FROM, names=(name,)), date=5))

    assert person_of(*listed).names[0][0] == name


def test_refining_many_copies_is_quick() -> None:
    """8,000 copies of one message, each with a different name, are refined within a second of CPU time."""
    copies = [make_message(1, make_point(JANE, FROM, names=(f"Jane {number}",), signed=1)) for number in range(8_000)]
    rows = [row for copy in copies for rows in pack([copy], chunks=1, max_bytes=1_000).values() for row in rows]
    began = time.process_time()

    (person,) = refine(rows)

    assert time.process_time() - began < 1
    assert (person.occurrence, len(person.names)) == (1, 8_000)


def test_a_name_has_one_vote_a_message() -> None:
    """Neither copies of a message nor a name in several fields add votes."""
    copies = [make_message(1, make_point(JANE, names=("Jane", "Jane")), date=date) for date in (5, 7, 7)]

    assert person_of(*copies).names == [("Jane", "jane", 1, 5, 0)]


def test_names_are_folded_for_those_who_compare_them() -> None:
    """Folding ignores Unicode case and outer spaces. It happens here because SQL never folds."""
    (name,) = person_of(make_message(1, make_point(JANE, names=(" Jane STRAẞE ",)))).names

    assert name[:2] == (" Jane STRAẞE ", "jane strasse")


def test_tags_are_counted_in_messages() -> None:
    """Each message counts its own tags: the address's tags, or `professional` and its message tag."""
    listed = [
        make_message(1, make_point("info@acme.com", FROM)),
        make_message(2, make_point("info@acme.com", FROM)),
        make_message(3, make_point("info@acme.com", FROM, tag=TRANSACTIONAL)),
        make_message(4, make_point("info@acme.com", FROM, names=("Acme Newsletter",), tag=NEWSLETTER)),
    ]

    tags = person_of(*listed).tags

    assert tags == [
        ("professional", 1, "email_address", 3),
        ("role", 2, "email_address", 2),
        ("newsletter", 3, "email_address", 1),
        ("transactional", 0, "message_header", 1),
    ]


@pytest.mark.parametrize(
    ("address", "verdict"),
    [
        ("jane@acme.com", Verdict.CONTACT),
        ("jane@gmail.com", Verdict.CONTACT),
        ("info@acme.com", Verdict.CONTACT),
        ("jane@mailinator.com", Verdict.DISPOSABLE),
        ("noreply@mailinator.com", Verdict.DISPOSABLE),
        ("noreply@acme.com", Verdict.UNREACHABLE),
        ("updates@gmail.com", Verdict.UNREACHABLE),
        ("newsletter@acme.com", Verdict.UNREACHABLE),
    ],
)
def test_an_address_tag_must_reach_a_person(address: str, verdict: Verdict) -> None:
    """An address that nobody reads is not a contact, even if the user wrote to it."""
    assert person_of(make_message(1, make_point(address, TO | WROTE))).verdict == verdict


@pytest.mark.parametrize(
    ("automated", "plain", "verdict"),
    [(1, 0, Verdict.AUTOMATED), (1, 1, Verdict.CONTACT), (2, 1, Verdict.AUTOMATED), (2, 2, Verdict.CONTACT)],
)
@pytest.mark.parametrize("tag", [NEWSLETTER, TRANSACTIONAL])
def test_more_than_half_automated_messages_make_no_contact(
    automated: int, plain: int, verdict: Verdict, tag: int
) -> None:
    """One newsletter does not hide a business contact, and no number of them if the user ever wrote to it."""
    listed = [make_message(key, make_point(JANE, FROM, tag=tag)) for key in range(automated)]
    listed += [make_message(key + 100, make_point(JANE, FROM)) for key in range(plain)]
    written = make_message(0, make_point(JANE, FROM | TO | WROTE, tag=tag))

    assert person_of(*listed).verdict == verdict
    assert person_of(*listed, written).verdict == Verdict.CONTACT


@pytest.mark.parametrize(
    ("address", "tag"), [(JANE, CHAT), (JANE, GROUP), ("jane@gmail.com", NEWSLETTER), ("jane@gmail.com", TRANSACTIONAL)]
)
def test_other_message_tags_hide_nobody(address: str, tag: int) -> None:
    """Chats and groups are read by people, and a personal address gets no message tag."""
    assert person_of(make_message(1, make_point(address, FROM, tag=tag))).verdict == Verdict.CONTACT


def test_a_name_that_says_newsletter_hides_who_bears_no_other() -> None:
    """Messages under that name count as newsletter by rule 4. One under another name shows a person."""
    letter = make_message(1, make_point(JANE, FROM, names=("Acme Newsletter",)))
    plain = make_message(2, make_point(JANE, FROM, names=("Jane",)))

    assert person_of(letter).verdict == Verdict.UNREACHABLE
    assert person_of(letter, plain).verdict == Verdict.CONTACT


def test_a_person_known_only_from_texts_is_judged_by_the_same_rule() -> None:
    """The field `body` counts like any other."""
    assert person_of(make_message(1, make_point(JANE, BODY))).verdict == Verdict.CONTACT


def test_persons_stand_in_byte_order_of_their_addresses() -> None:
    """Persons are in UTF-8 byte order, in which the database compares."""
    addresses = [
        "b@acme.com",
        "a@acme.com",
        "a-b@acme.com",
        "a.b@acme.com",
        "é@acme.com",
        "A@acme.com",
        "\U0001f600@acme.com",
    ]

    persons = persons_of(make_message(1, *(make_point(address) for address in addresses)))

    assert [person.address for person in persons] == sorted(addresses, key=str.encode)


@given(st.lists(messages, max_size=12))
def test_refining_agrees_with_the_careful_way(listed: list[Message]) -> None:
    """The single pass gives the same result as applying each rule separately."""
    assert persons_of(*listed) == refine_carefully(listed)


@given(st.lists(messages, max_size=10), st.randoms(use_true_random=False), st.integers(400, 3000), st.integers(1, 5))
def test_no_order_repetition_or_partition_changes_a_person(
    listed: list[Message], dice: random.Random, max_bytes: int, chunks: int
) -> None:
    """Persons are the same however segments are cut, packed, repeated or read, and for any number of chunks."""
    shuffled = listed + [message for message in listed if dice.random() < 0.5]
    dice.shuffle(shuffled)
    rows: dict[int, list[str]] = {chunk: [] for chunk in range(chunks)}
    while shuffled:
        segment, shuffled = shuffled[: (size := dice.randint(1, 4))], shuffled[size:]
        for chunk, more in pack(segment, chunks=chunks, max_bytes=max_bytes).items():
            rows[chunk] += more * dice.randint(1, 2)
    for listed_rows in rows.values():
        dice.shuffle(listed_rows)

    persons = [person for chunk in rows for person in refine(rows[chunk])]

    assert sorted(persons, key=lambda person: person.address) == persons_of(*listed)


@given(st.lists(messages, min_size=1, max_size=12))
def test_the_counters_fit_together(listed: list[Message]) -> None:
    """No counter exceeds the one that includes it, and every message has a tag unless the domain is disposable."""
    for person in persons_of(*listed):
        assert 1 <= max(person.sender, person.recipient, person.conversations, 1) <= person.occurrence
        assert person.replied_conversations <= min(person.conversations, person.sender)
        assert (person.recency is None) == (person.seniority is None)
        assert person.recency is None or person.seniority is None or person.seniority <= person.recency
        assert all(1 <= count <= person.occurrence for _, _, count, _, _ in person.names)
        assert sum(count for _, _, _, count in person.tags) >= person.occurrence or person.verdict == "disposable"
        assert len({tag[0::2] for tag in person.tags}) == len(person.tags)
