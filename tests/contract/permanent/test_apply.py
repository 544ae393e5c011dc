"""Refined chunks are applied once and add up, and the temperature equals its reference."""

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from processor.domain.contacts.temperature import temperature
from tests.support.permanent import Permanent, contact

APRIL_5 = 1_649_169_980
DAY = 86_400
APPLIED = {"applied": True, "open": True}

JANE = contact(
    "jane@acme.com",
    occurrence=3,
    sender=2,
    recipient=1,
    conversations=2,
    replied_conversations=1,
    recency=APRIL_5,
    seniority=APRIL_5 - DAY,
    names=[["Jane Doe", "jane doe", 2, APRIL_5, 0], ["Jane", "jane", 1, None, 0]],
    plus=["jane+x@acme.com"],
    tags=[["professional", 1, "email_address", 3], ["newsletter", 3, "header", 1]],
)


async def test_a_contact_comes_out_as_it_was_handed_over(permanent: Permanent) -> None:
    """After its first mining, a contact has that mining's counters, names, dates and tags."""
    mining = await permanent.begin()

    answer = await permanent.apply(mining, JANE)

    assert answer == APPLIED
    assert await permanent.page() == [
        {
            "address": "jane@acme.com",
            "name": "Jane Doe",
            "recency": "2022-04-05T14:46:20Z",
            "seniority": "2022-04-04T14:46:20Z",
            "occurrence": 3,
            "sender": 2,
            "recipient": 1,
            "conversations": 2,
            "replied_conversations": 1,
            "temperature": 27,
            "tags": [
                {"name": "professional", "reachability": 1, "source": "email_address", "count": 3},
                {"name": "newsletter", "reachability": 3, "source": "header", "count": 1},
            ],
            "alternate_names": ["Jane"],
            "alternate_emails": ["jane+x@acme.com"],
            "sources": ["me@example.org"],
        }
    ]


async def test_minings_add_up(permanent: Permanent) -> None:
    """Counters, votes and tags are summed, dates widened, lists united, and the shown values follow."""
    first = await permanent.begin()
    second = await permanent.begin(source="source-2", source_name="also-me@example.org")
    more = contact(
        "jane@acme.com",
        occurrence=2,
        sender=1,
        recipient=2,
        conversations=1,
        replied_conversations=1,
        recency=APRIL_5 + DAY,
        seniority=None,
        names=[["Jane", "jane", 2, APRIL_5 + DAY, 0], ["jane doe", "jane doe", 1, None, 0]],
        plus=["jane+a@acme.com", "jane+x@acme.com"],
        tags=[["professional", 1, "email_address", 1], ["role", 2, "email_address", 2]],
    )

    await permanent.apply(first, JANE)
    await permanent.apply(second, more)

    (jane,) = await permanent.page()
    assert {key: jane[key] for key in ("occurrence", "sender", "recipient", "conversations")} == {
        "occurrence": 5,
        "sender": 3,
        "recipient": 3,
        "conversations": 3,
    }
    assert (jane["recency"], jane["seniority"]) == ("2022-04-06T14:46:20Z", "2022-04-04T14:46:20Z")
    assert (jane["name"], jane["alternate_names"]) == ("Jane", ["Jane Doe"])
    assert jane["alternate_emails"] == ["jane+a@acme.com", "jane+x@acme.com"]
    assert [(tag["name"], tag["count"]) for tag in jane["tags"]] == [
        ("professional", 4),
        ("role", 2),
        ("newsletter", 1),
    ]
    assert jane["sources"] == ["also-me@example.org", "me@example.org"]


@pytest.mark.parametrize("turn", [1, -1])
async def test_own_names_of_any_mining_come_first(permanent: Permanent, turn: int) -> None:
    """A name that the address wrote under in one mining comes before names that others gave it in any, in any order."""
    own = contact("jane@acme.com", names=[["Doe, Jane", "jane doe", 1, APRIL_5, 1]])
    others = contact(
        "jane@acme.com", names=[["Janie", "janie", 7, APRIL_5 + DAY, 0], ["Jane Doe", "jane doe", 1, None, 0]]
    )
    both = [(await permanent.begin(source="source-1"), own), (await permanent.begin(source="source-2"), others)]

    for mining, handed in both[::turn]:
        await permanent.apply(mining, handed)

    (jane,) = await permanent.page()
    assert (jane["name"], jane["alternate_names"]) == ("Jane Doe", ["Janie"])


async def test_votes_for_one_name_keep_that_it_is_an_own_one(permanent: Permanent) -> None:
    """Adding votes for one and the same name keeps that the address wrote under it once."""
    for number, signed in enumerate((0, 1, 0)):
        jane = contact("jane@acme.com", names=[["Jane Doe", "jane doe", 1, None, signed]])
        await permanent.apply(await permanent.begin(source=f"source-{number}"), jane)
    more = contact("jane@acme.com", names=[["Janie", "janie", 9, APRIL_5, 0]])
    await permanent.apply(await permanent.begin(source="source-9"), more)

    (person,) = await permanent.page()
    assert (person["name"], person["alternate_names"]) == ("Jane Doe", ["Janie"])


async def test_a_part_is_applied_once(permanent: Permanent) -> None:
    """A repeated part is reported as such and changes nothing. Another part or chunk of the mining counts."""
    mining = await permanent.begin()
    await permanent.apply(mining, JANE)

    again = await permanent.apply(mining, JANE)

    assert again == {"applied": False, "open": True}
    assert (await permanent.page())[0]["occurrence"] == 3
    assert await permanent.apply(mining, JANE, part=1) == APPLIED
    assert await permanent.apply(mining, JANE, chunk=1) == APPLIED
    assert (await permanent.page())[0]["occurrence"] == 9


async def test_nothing_is_applied_to_a_mining_that_is_not_open(permanent: Permanent) -> None:
    """Nothing is applied to a mining that never began or is finished."""
    finished = await permanent.begin()
    await permanent.call("finish_mining", mining=finished, ledger={}, receipt={})

    answers = [await permanent.apply(mining, JANE) for mining in (str(uuid4()), finished)]

    assert answers == [{"applied": False, "open": False}] * 2
    assert await permanent.page() == []


async def test_contacts_may_come_as_text(permanent: Permanent) -> None:
    """Contacts can be JSON, as the adapter sends them, or a string of JSON, as PostgREST does."""
    mining = await permanent.begin()
    text = json.dumps([JANE])

    for part, contacts in enumerate((text, json.dumps(text))):
        await permanent.call("apply_refined_chunk", mining=mining, chunk=0, part=part, contacts=contacts)

    assert (await permanent.page())[0]["occurrence"] == 6


async def test_an_empty_part_is_applied(permanent: Permanent) -> None:
    """A part without contacts is recorded like any other."""
    mining = await permanent.begin()

    assert await permanent.apply(mining) == APPLIED
    assert await permanent.apply(mining) == {"applied": False, "open": True}


async def test_users_have_contacts_of_their_own(permanent: Permanent) -> None:
    """The same address is a separate contact for each user."""
    minings = [await permanent.begin(user=user) for user in ("ann", "bob")]

    for mining in minings:
        await permanent.apply(mining, JANE)

    assert [(await permanent.page(user=user))[0]["occurrence"] for user in ("ann", "bob")] == [3, 3]


async def test_the_latest_reference_date_rules(permanent: Permanent) -> None:
    """The latest reference date of a person's minings counts, in whatever order they come."""
    newer, older = [await permanent.begin(reference_date=day) for day in ("2030-01-01", "2022-06-01")]
    await permanent.apply(older, contact("old@acme.com", recency=APRIL_5, seniority=APRIL_5))
    for mining in (newer, older):
        await permanent.apply(mining, contact("new@acme.com", recency=APRIL_5, seniority=APRIL_5), part=1)

    by_address = {person["address"]: person["temperature"] for person in await permanent.page()}

    assert by_address["new@acme.com"] > by_address["old@acme.com"] + 10


async def test_odd_dates_and_texts_survive(permanent: Permanent) -> None:
    """Distant years and characters beyond the basic plane come back unchanged."""
    mining = await permanent.begin()
    first = int(datetime(1, 1, 1, tzinfo=UTC).timestamp())

    await permanent.apply(
        mining,
        contact("old@acme.com", recency=-1, seniority=first, names=[["Ünï 🙂øde \\ \" '", "x", 1, first, 1]]),
    )

    (old,) = await permanent.page()
    assert (old["recency"], old["seniority"]) == ("1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z")
    assert old["name"] == "Ünï 🙂øde \\ \" '"


@pytest.mark.parametrize("seed", range(3))
async def test_temperature_equals_its_reference(permanent: Permanent, seed: int) -> None:
    """PostgreSQL and Python compute the same temperature from the same counters and dates."""
    draw = random.Random(seed)
    reference = datetime(2022, 6, 1, tzinfo=UTC)
    rows: list[tuple[Any, ...]] = []
    for _ in range(2000):
        ages = [draw.choice([None, *(draw.randint(-40, most) * DAY + 1 for most in (40, 4000, 700_000))]) for _ in "12"]
        moments = [None if age is None else reference - timedelta(seconds=age) for age in ages]
        counters = [draw.choice([0, 1, 2, 3, draw.randint(0, 60), draw.randint(0, 10**6)]) for _ in range(4)]
        rows.append((*counters, *moments, reference.date()))

    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        cursor = await connection.execute(
            "SELECT leadminer.temperature(s, r, c, p, recency, seniority, reference) FROM unnest(%s::int[], %s::int[],"
            " %s::int[], %s::int[], %s::timestamptz[], %s::timestamptz[], %s::date[])"
            " AS drawn (s, r, c, p, recency, seniority, reference)",
            [list(column) for column in zip(*rows, strict=True)],
        )
        computed = [value for (value,) in await cursor.fetchall()]

    assert computed == [
        temperature(
            sender=s,
            recipient=r,
            conversations=c,
            replied=p,
            recency_date=recency and recency.date(),
            seniority_date=seniority and seniority.date(),
            reference_date=reference_date,
        )
        for s, r, c, p, recency, seniority, reference_date in rows
    ]
