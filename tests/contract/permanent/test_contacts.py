"""Contacts are read page by page in list order, from all sources or from one."""

import random
from typing import Any

import pytest

from tests.support.permanent import Permanent, contact

APRIL_5 = 1_649_169_980
NAMES = [(["Zoe", "zoe"], []), (["Élise", "élise"], ["elise"]), (["Fay", "fay"], [])]
LONG_AGO = 1
"""So long ago that it adds no more warmth than no date at all."""


def place(person: dict[str, Any]) -> tuple[Any, ...]:
    """Return the key by which the list is ordered. A missing date sorts after every date."""
    recency = [-ord(letter) for letter in person["recency"] or "\0"]
    return -person["temperature"], -person["occurrence"], recency, person["address"].encode()


def recent(person: dict[str, Any]) -> tuple[Any, ...]:
    """Return the key by which the latest come first."""
    return place(person)[2:]


def named(person: dict[str, Any]) -> tuple[Any, ...]:
    """Return the key of the order of names, in which an address without a name counts as one."""
    name = {"Élise": "elise", None: person["address"]}.get(person["name"], (person["name"] or "").lower())
    return name.encode(), person["address"].encode()


ORDERS = {"warmth": place, "recent": recent, "name": named}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("size", [1, 2, 7, 60, 61])
async def test_pages_make_up_the_list(permanent: Permanent, size: int, order: str) -> None:
    """With any page size, the pages up to an empty one give every contact once and in order, including ties."""
    draw = random.Random(size)
    contacts = [
        contact(
            f"{draw.choice('aZ_é')}{number}@acme.com",
            occurrence=draw.choice([1, 2]),
            recency=draw.choice([None, LONG_AGO, APRIL_5, APRIL_5 - 1]),
            names=draw.choice([[], [], *([[*name, 1, None, 0, *key]] for name, key in NAMES)]),
        )
        for number in range(60)
    ]
    await permanent.apply(await permanent.begin(), *contacts)

    read: list[dict[str, Any]] = []
    after = None
    while (page := await permanent.find(after=after, size=size, order=order))[0]:
        assert len(page[0]) <= size
        read += page[0]
        after = page[1]

    assert sorted(person["address"] for person in read) == sorted(each["address"] for each in contacts)
    assert [person["address"] for person in read] == [person["address"] for person in sorted(read, key=ORDERS[order])]
    assert read == await permanent.page(order=order)
    assert len({place(person)[:2] for person in read if person["recency"] in (None, "1970-01-01T00:00:01Z")}) == 2


async def test_own_addresses_are_no_contacts(permanent: Permanent) -> None:
    """An own address from any of the user's minings is left out, even if an earlier mining counted it."""
    await permanent.apply(await permanent.begin(), contact("me@acme.com"), contact("jane@acme.com"))
    await permanent.begin(source="source-2", own=["me@acme.com"])
    await permanent.begin(user="bob", own=["jane@acme.com"])

    assert [person["address"] for person in await permanent.page()] == ["jane@acme.com"]


async def test_own_addresses_at_gmail_have_many_forms(permanent: Permanent) -> None:
    """Dots and the choice of the host do not count in an own address at Gmail, but they do anywhere else."""
    addresses = ["j.doe@gmail.com", "jd.oe@googlemail.com", "j.doe@acme.com", "jdoe2@gmail.com", "m.e@acme.com"]
    await permanent.apply(await permanent.begin(), *map(contact, addresses))
    await permanent.begin(source="source-2", own=["jdo.e@googlemail.com", "me@acme.com"])

    assert sorted(person["address"] for person in await permanent.page()) == [
        "j.doe@acme.com",
        "jdoe2@gmail.com",
        "m.e@acme.com",
    ]


async def test_one_source_shows_its_contacts(permanent: Permanent) -> None:
    """A contact from several sources is shown for each of them, and an unknown source has no contacts."""
    for source, addresses in {"b": ["x@acme.com", "y@acme.com"], "a": ["y@acme.com", "z@acme.com"]}.items():
        mining = await permanent.begin(source=f"digest-{source}", source_name=f"{source}@example.org")
        await permanent.apply(mining, *map(contact, addresses))

    shown = {
        name: [person["address"] for person in await permanent.page(source_name=name)]
        for name in ("a@example.org", "b@example.org", "c@example.org", "digest-a")
    }

    assert shown == {
        "a@example.org": ["y@acme.com", "z@acme.com"],
        "b@example.org": ["y@acme.com", "x@acme.com"],
        "c@example.org": [],
        "digest-a": [],
    }
    assert (await permanent.page(source_name="a@example.org"))[0]["sources"] == ["a@example.org", "b@example.org"]


async def test_one_address_at_two_hosts_is_one_source_name(permanent: Permanent) -> None:
    """Sources with the same address are named once and read together."""
    for digest in ("digest-1", "digest-2"):
        await permanent.apply(await permanent.begin(source=digest), contact("jane@acme.com"))

    (jane,) = await permanent.page(source_name="me@example.org")

    assert (jane["occurrence"], jane["sources"]) == (2, ["me@example.org"])


async def test_lists_are_empty_not_missing(permanent: Permanent) -> None:
    """A contact without names, dates or plus addresses has nulls and empty lists."""
    await permanent.apply(await permanent.begin(), contact("jane@acme.com"))

    (jane,) = await permanent.page()

    assert (jane["name"], jane["recency"], jane["seniority"]) == (None, None, None)
    assert (jane["alternate_names"], jane["alternate_emails"]) == ([], [])
