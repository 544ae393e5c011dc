"""What every contact store promises. Standard library only: these checks also run inside the Worker."""

import json
from hashlib import sha256
from typing import Any
from uuid import uuid4

from processor.ports import ContactStore

CONTACT: dict[str, Any] = {
    "address": "jane@acme.com",
    "occurrence": 3,
    "sender": 2,
    "recipient": 1,
    "conversations": 1,
    "replied_conversations": 1,
    "recency": 1649169980,
    "seniority": 1649169980,
    "names": [['Jané "J" Doe\\', "jané", 2, 1649169980, 1]],
    "plus": ["jane+x@acme.com"],
    "tags": [["professional", 1, "email_address", 3]],
    "search": "tprofessional wjane wdoe wacme wcom",
}
EVERYONE: dict[str, Any] = {"words": None, "tag": None, "source_name": None, "since": None, "mining": None}
WARMEST: dict[str, Any] = {**EVERYONE, "ordered_by": "warmth", "after": None, "page_size": 10}


async def begin(store: ContactStore, user: str, mining: str) -> Any:
    """Begin a mining for a user."""
    return await store.call(
        "begin_mining",
        mining=mining,
        user_id=user,
        source="0123456789abcdef",
        source_name="me@example.org",
        own_addresses=["me@example.org"],
        reference_date="2026-01-31",
    )


async def check_the_schema_has_a_version(store: ContactStore) -> None:
    """Check that the store returns the id of the newest migration."""
    assert str(await store.call("schema_version"))[:4].isdigit()


async def check_null_comes_back_as_none(store: ContactStore) -> None:
    """Check that a record that does not exist is None, not an error."""
    assert await store.call("mining_record", user_id=f"user-{uuid4()}", mining=str(uuid4())) is None


async def check_a_part_counts_once_and_its_texts_are_kept(store: ContactStore) -> None:
    """Check that a part that is applied twice counts once, and quotes, backslashes and accents come back unchanged."""
    user, mining = f"user-{uuid4()}", str(uuid4())
    await begin(store, user, mining)
    part = {"mining": mining, "chunk": 0, "part": 0, "contacts": json.dumps([CONTACT])}

    first = await store.call("apply_refined_chunk", **part)
    again = await store.call("apply_refined_chunk", **part)

    page = (await store.call("find_contacts", user_id=user, **WARMEST))["contacts"]
    assert (first, again) == ({"applied": True, "open": True}, {"applied": False, "open": True})
    assert [(c["address"], c["name"], c["occurrence"]) for c in page] == [("jane@acme.com", 'Jané "J" Doe\\', 3)]


async def check_pages_follow_a_cursor(store: ContactStore) -> None:
    """Check that a cursor of numbers, None and strings is accepted as it was returned."""
    user, mining = f"user-{uuid4()}", str(uuid4())
    await begin(store, user, mining)
    people = [CONTACT | {"address": f"p{number}@acme.com", "recency": None, "seniority": None} for number in range(3)]
    await store.call("apply_refined_chunk", mining=mining, chunk=0, part=0, contacts=json.dumps(people))

    asked: dict[str, Any] = {"user_id": user, **WARMEST, "source_name": "me@example.org", "page_size": 2}
    first = await store.call("find_contacts", **asked)
    second = await store.call("find_contacts", **asked | {"after": first["after"]})

    listed = [contact["address"] for page in (first, second) for contact in page["contacts"]]
    assert listed == [f"p{number}@acme.com" for number in range(3)]


async def check_a_search_finds_beginnings_of_words(store: ContactStore) -> None:
    """Check that lists of words, dates and ids arrive as such, and that the detail of a contact is an object."""
    user, mining = f"user-{uuid4()}", str(uuid4())
    await begin(store, user, mining)
    await store.call("apply_refined_chunk", mining=mining, chunk=0, part=0, contacts=json.dumps([CONTACT]))
    filters = (
        {"words": ["ja", "doe"], "tag": "professional"},
        {"since": "2022-04-05", "mining": mining},
        {"words": ["x"]},
    )

    found = [await store.call("count_contacts", user_id=user, **EVERYONE | chosen) for chosen in filters]
    jane = await store.call("contact", user_id=user, address="jane@acme.com")

    assert found == [1, 1, 0]
    assert (jane["first_mining"], jane["names"][0]["messages"]) == (mining, 2)
    assert await store.call("contact", user_id=user, address="joe@acme.com") is None


async def check_an_ended_mining_keeps_ledger_and_receipt(store: ContactStore) -> None:
    """Check that ledger and receipt come back as they were stored, and an ended mining does not begin again."""
    user, mining = f"user-{uuid4()}", str(uuid4())
    await begin(store, user, mining)

    await store.call("finish_mining", mining=mining, ledger={"listed": 1}, receipt={"objects": 2, "keys": "00"})

    record = await store.call("mining_record", user_id=user, mining=mining)
    assert (record["state"], record["ledger"], record["receipt"]["objects"]) == ("finished", {"listed": 1}, 2)
    assert (await begin(store, user, mining))["state"] == "finished"
    assert await begin(store, f"user-{uuid4()}", mining) == {"state": "foreign"}


async def check_the_erased_take_nothing_more(store: ContactStore) -> None:
    """Check that after an erasure, a part is refused and its mining is reported as closed."""
    user, mining = f"user-{uuid4()}", str(uuid4())
    await begin(store, user, mining)

    erased = await store.call("erase_user", user_id=user)
    late = await store.call(
        "apply_refined_chunk", mining=mining, chunk=0, part=0, contacts=json.dumps([CONTACT], separators=(",", ":"))
    )

    assert erased == {"minings": 1, "addresses": [], "more": False}
    assert late == {"applied": False, "open": False}


async def check_totals_and_suppressions(store: ContactStore) -> None:
    """Check that contacts are counted, and that an erased address is suppressed until it is allowed again."""
    user, mining, jane = f"user-{uuid4()}", str(uuid4()), {"address": "jane@acme.com"}
    await begin(store, user, mining)
    await store.call("apply_refined_chunk", mining=mining, chunk=0, part=0, contacts=json.dumps([CONTACT]))
    totals = [
        await store.call("count_contacts", user_id=user, **EVERYONE | {"source_name": name})
        for name in (None, "me@example.org", "other@example.org")
    ]
    before = await store.call("address_state", user_id=user, **jane)
    await store.call("erase_contact", user_id=user, **jane)

    after = await store.call("address_state", user_id=user, **jane)
    hashes = await store.call("suppressed", user_id=user)
    allowed = [await store.call("allow_contact", user_id=user, **jane) for _ in range(2)]

    assert totals == [1, 1, 0]
    assert (before, after) == ({"contact": True, "suppressed": False}, {"contact": False, "suppressed": True})
    assert hashes == [sha256(f"{user}\njane@acme.com".encode()).hexdigest()]
    assert allowed == [True, False]
    assert await store.call("suppressed", user_id=user) == []


CHECKS = (
    check_the_schema_has_a_version,
    check_null_comes_back_as_none,
    check_a_part_counts_once_and_its_texts_are_kept,
    check_pages_follow_a_cursor,
    check_a_search_finds_beginnings_of_words,
    check_an_ended_mining_keeps_ledger_and_receipt,
    check_the_erased_take_nothing_more,
    check_totals_and_suppressions,
)
