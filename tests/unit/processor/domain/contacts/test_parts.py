"""Contacts are cut in order into JSON texts that fit into a row."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processor.domain.contacts.packing import pack
from processor.domain.contacts.refine import cut_parts, refine
from processor.domain.facts import Message
from tests.support.messages import make_message, make_point, messages


def contacts_of(listed: list[Message]) -> list[dict[str, Any]]:
    rows = pack(listed, chunks=1, max_bytes=1_000_000).get(0, [])
    return [person.contact() for person in refine(rows)]


def plain(contacts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return json.loads(json.dumps(contacts))  # type: ignore[no-any-return]


@given(st.lists(messages, max_size=12), st.integers(min_value=2000, max_value=4000))
def test_parts_hold_all_contacts_in_order_below_the_limit(listed: list[Message], max_bytes: int) -> None:
    """The parts in order are the contacts, and the same contacts give the same bytes."""
    contacts = contacts_of(listed)

    parts = cut_parts(contacts, max_bytes=max_bytes)

    assert [contact for part in parts for contact in json.loads(part)] == plain(contacts)
    assert all(len(part.encode()) <= max_bytes for part in parts)


def test_no_contacts_make_no_part() -> None:
    """A chunk without contacts has no part."""
    assert cut_parts([], max_bytes=100) == []


def test_what_fits_is_one_part() -> None:
    """Contacts that fit exactly are one part, and with one byte less they are two."""
    contacts = contacts_of([make_message(1, make_point("ann@example.net"), make_point("bob@example.net"))])
    (whole,) = cut_parts(contacts, max_bytes=10_000)

    assert cut_parts(contacts, max_bytes=len(whole)) == [whole]
    assert len(cut_parts(contacts, max_bytes=len(whole) - 1)) == 2


def test_a_contact_larger_than_a_part_keeps_its_foremost_names() -> None:
    """An address with thousands of names, such as a mailing list's, is cut to fit and does not stop a chunk."""
    listed = [
        make_message(key, make_point(names=(f"Jane {key:04}",), plus=(f"jane+{key}@acme.com",))) for key in range(4000)
    ]
    contacts = contacts_of(listed)

    (part,) = cut_parts(contacts, max_bytes=20_000)

    (contact,) = json.loads(part)
    kept = len(contact["names"])
    assert 10_000 < len(part) <= 20_000
    assert contact["names"] == plain(contacts)[0]["names"][:kept]
    assert contact["plus"] == contacts[0]["plus"][: len(contact["plus"])]
    assert contact["occurrence"] == 4000


def test_a_part_too_small_for_any_contact_is_refused() -> None:
    """A limit of a few bytes is the caller's mistake and raises ValueError."""
    contacts = contacts_of([make_message(1, make_point(names=("Jane",)))])

    with pytest.raises(ValueError, match="exceeds a part"):
        cut_parts(contacts, max_bytes=50)
