"""Applying, finishing and erasing at the same time never deadlock, lose anything or bring anything back."""

import asyncio
import random
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.support.permanent import Permanent, contact

WAIT_SECONDS = 0.3
"""How long a call has to run before it counts as waiting for a lock."""
ADDRESSES = [f"person{number}@acme.com" for number in range(40)]


async def open_apply(permanent: Permanent, mining: str, address: str) -> psycopg.AsyncConnection[Any]:
    """Apply one contact in a transaction that stays open, and return its connection."""
    connection = await psycopg.AsyncConnection.connect(permanent.conninfo)
    await connection.execute(
        "SELECT leadminer.apply_refined_chunk(%s, 99, 0, %s)",
        (mining, Jsonb([contact(address)])),
    )
    return connection


async def waits(task: asyncio.Task[Any]) -> bool:
    """Return whether a call is still running after a while."""
    await asyncio.sleep(WAIT_SECONDS)
    return not task.done()


@pytest.mark.parametrize("seed", range(5))
async def test_parallel_minings_of_a_user_add_up(permanent: Permanent, seed: int) -> None:
    """If many minings apply many parts with the same addresses at once, each part counts once."""
    draw = random.Random(seed)
    minings = [await permanent.begin(source=f"source-{number}") for number in range(8)]
    jobs = [(mining, part, draw.sample(ADDRESSES, 20)) for mining in minings for part in range(6)] * 2
    draw.shuffle(jobs)

    answers = await asyncio.gather(
        *(
            permanent.apply(mining, *(contact(address) for address in addresses), part=part)
            for mining, part, addresses in jobs
        )
    )

    assert sum(answer["applied"] for answer in answers) == len(jobs) // 2
    occurrences = {person["address"]: person["occurrence"] for person in await permanent.page()}
    expected = {address: sum(address in job[2] for job in jobs) // 2 for address in ADDRESSES}
    assert occurrences == {address: count for address, count in expected.items() if count}


async def test_one_of_many_equal_calls_applies(permanent: Permanent) -> None:
    """A part that is delivered eight times at once is applied once."""
    mining = await permanent.begin()

    answers = await asyncio.gather(*(permanent.apply(mining, contact("jane@acme.com")) for _ in range(8)))

    assert sorted(answer["applied"] for answer in answers) == [False] * 7 + [True]
    assert (await permanent.page())[0]["occurrence"] == 1


async def test_parts_of_one_mining_go_on_together(permanent: Permanent) -> None:
    """A part does not wait for an open part of its own mining or of another one."""
    mining, other = await permanent.begin(), await permanent.begin(source="source-2")

    async with await open_apply(permanent, mining, "a@acme.com"):
        async with asyncio.timeout(5):
            answers = [await permanent.apply(each, contact("b@acme.com"), chunk=1) for each in (mining, other)]

    assert [answer["applied"] for answer in answers] == [True, True]


@pytest.mark.parametrize("function", ["erase_user", "erase_contact", "finish_mining"])
async def test_an_end_waits_for_the_parts_under_way(permanent: Permanent, function: str) -> None:
    """Erasing and finishing wait for the parts that are being applied, and see them."""
    mining = await permanent.begin()
    arguments: dict[str, dict[str, Any]] = {
        "erase_user": {"user_id": "local"},
        "erase_contact": {"user_id": "local", "address": "jane@acme.com"},
        "finish_mining": {"mining": mining, "ledger": {}, "receipt": {}},
    }

    async with await open_apply(permanent, mining, "jane@acme.com") as connection:
        ending = asyncio.create_task(permanent.call(function, **arguments[function]))
        waited = await waits(ending)
        await connection.commit()
        answer = await ending

    assert waited
    left = await permanent.page()
    if function == "finish_mining":
        assert (answer, len(left)) == ({"state": "finished"}, 1)
    else:
        assert (answer if function == "erase_contact" else answer["addresses"] == ["jane@acme.com"], left) == (True, [])


async def test_a_part_waits_for_an_erasure_and_finds_it(permanent: Permanent) -> None:
    """A part that arrives while the user is being erased is not applied."""
    mining = await permanent.begin()

    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        await connection.execute("SELECT leadminer.erase_user('local')")
        applying = asyncio.create_task(permanent.apply(mining, contact("jane@acme.com")))
        waited = await waits(applying)
        await connection.commit()
        answer = await applying

    assert waited
    assert answer == {"applied": False, "open": False}
    assert await permanent.page() == []


async def test_a_part_waits_for_a_suppression_and_heeds_it(permanent: Permanent) -> None:
    """A part that arrives while one of its contacts is being erased leaves out that contact."""
    mining = await permanent.begin()

    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        await connection.execute("SELECT leadminer.erase_contact('local', 'jane@acme.com')")
        applying = asyncio.create_task(permanent.apply(mining, contact("jane@acme.com"), contact("joe@acme.com")))
        waited = await waits(applying)
        await connection.commit()
        answer = await applying

    assert waited
    assert answer["applied"]
    assert [person["address"] for person in await permanent.page()] == ["joe@acme.com"]


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_comes_back_after_an_erasure(permanent: Permanent, seed: int) -> None:
    """However parts, begins and an erasure of the user interleave, no contact is left."""
    draw = random.Random(seed)
    minings = [await permanent.begin(source=f"source-{number}") for number in range(4)]
    calls = [
        permanent.apply(mining, *(contact(address) for address in draw.sample(ADDRESSES, 10)), part=part)
        for mining in minings
        for part in range(5)
    ]
    calls.insert(draw.randrange(len(calls)), permanent.call("erase_user", user_id="local"))

    await asyncio.gather(*calls)

    assert await permanent.page() == []
    assert await permanent.apply(minings[0], contact("jane@acme.com"), part=9) == {"applied": False, "open": False}


async def test_users_do_not_wait_for_each_other(permanent: Permanent) -> None:
    """Erasing one user does not wait for a part of another user."""
    mining = await permanent.begin(user="ann")
    await permanent.begin(user="bob")

    async with await open_apply(permanent, mining, "jane@acme.com"), asyncio.timeout(5):
        erased = await permanent.call("erase_user", user_id="bob")

    assert erased["minings"] == 1
