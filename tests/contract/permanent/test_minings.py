"""Minings begin and finish once, and their records can be read."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from tests.support.permanent import Permanent, contact

LEDGER = {"listed": 3, "fetched": 3, "processed": 3, "folders_failed": {"00ff": "refused"}}
RECEIPT = {"objects": 1, "keys": "00"}


def beginning(mining: str, **changed: Any) -> dict[str, Any]:
    """Return the arguments of `begin_mining`."""
    return {
        "mining": mining,
        "user_id": "local",
        "source": "source-1",
        "source_name": "me@example.org",
        "own_addresses": ["me@example.org"],
        "reference_date": "2022-06-01",
    } | changed


async def test_beginning_says_open(permanent: Permanent) -> None:
    """A new mining is open, without ledger or receipt, and the own addresses are those of this call."""
    own = ["me@example.org", "Z@example.org", "a@example.org", "me@example.org"]

    begun = await permanent.call("begin_mining", **beginning(str(uuid4()), own_addresses=own))

    assert begun == {
        "state": "open",
        "ledger": None,
        "receipt": None,
        "own_addresses": ["Z@example.org", "a@example.org", "me@example.org"],
    }


async def test_beginning_again_changes_nothing_but_own_addresses(permanent: Permanent) -> None:
    """Fixed settings stay, and an address once declared as the user's own is remembered."""
    mining = str(uuid4())
    await permanent.call("begin_mining", **beginning(mining))

    again = await permanent.call(
        "begin_mining",
        **beginning(mining, source="other", source_name="x", reference_date="2023-01-01", own_addresses=["b@x.org"]),
    )

    assert (again["state"], again["own_addresses"]) == ("open", ["b@x.org", "me@example.org"])
    record = await permanent.call("mining_record", user_id="local", mining=mining)
    assert (record["source"], record["source_name"], record["reference_date"]) == (
        "source-1",
        "me@example.org",
        "2022-06-01",
    )


async def test_own_addresses_are_those_of_all_sources(permanent: Permanent) -> None:
    """A mining knows the user's own addresses from earlier minings, but not those of other users."""
    await permanent.begin(own=["first@example.org"])
    await permanent.begin(user="bob", own=["bob@example.org"])

    begun = await permanent.call("begin_mining", **beginning(str(uuid4()), source="source-2"))

    assert begun["own_addresses"] == ["first@example.org", "me@example.org"]


async def test_a_mining_of_another_user_is_foreign(permanent: Permanent) -> None:
    """Another user's mining reveals nothing, and nothing is written for the caller."""
    mining = await permanent.begin(user="ann")

    begun = await permanent.call("begin_mining", **beginning(mining, user_id="bob"))

    assert begun == {"state": "foreign"}
    assert await permanent.call("mining_record", user_id="bob", mining=mining) is None
    assert await permanent.call("mining_records", user_id="bob", page_size=9) == []


@pytest.mark.parametrize(("function", "state"), [("finish_mining", "finished"), ("fail_mining", "failed")])
async def test_the_first_account_stays(permanent: Permanent, function: str, state: str) -> None:
    """Ending again, in either way, changes nothing, and a later begin returns the first ledger and receipt."""
    mining = await permanent.begin()
    first = await permanent.call(function, mining=mining, ledger=LEDGER, receipt=RECEIPT)

    again = [
        await permanent.call(each, mining=mining, ledger={}, receipt={}) for each in ("finish_mining", "fail_mining")
    ]

    assert again == [first, first] == [{"state": state}] * 2
    begun = await permanent.call("begin_mining", **beginning(mining))
    assert (begun["state"], begun["ledger"], begun["receipt"]) == (state, LEDGER, RECEIPT)


@pytest.mark.parametrize("function", ["finish_mining", "fail_mining"])
async def test_an_ended_mining_keeps_no_record_of_its_parts(permanent: Permanent, function: str) -> None:
    """The record of applied parts goes with the mining's end, another mining's stays, and a late part is refused."""
    mining, other = await permanent.begin(), await permanent.begin(source="source-2")
    for each in (mining, other):
        await permanent.apply(each, contact("jane@acme.com"))

    await permanent.call(function, mining=mining, ledger=LEDGER, receipt=RECEIPT)

    late = [await permanent.apply(mining, contact("jane@acme.com"), part=part) for part in (0, 1)]
    assert late == [{"applied": False, "open": False}] * 2
    assert await permanent.apply(other, contact("jane@acme.com")) == {"applied": False, "open": True}
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        cursor = await connection.execute("SELECT mining::text FROM leadminer.applied_parts")
        assert await cursor.fetchall() == [(other,)]


async def test_an_unknown_mining_cannot_finish(permanent: Permanent) -> None:
    """Finishing an unknown mining returns `unknown` and creates no record."""
    mining = str(uuid4())

    answer = await permanent.call("finish_mining", mining=mining, ledger=LEDGER, receipt=RECEIPT)

    assert answer == {"state": "unknown"}
    assert await permanent.call("mining_record", user_id="local", mining=mining) is None


async def test_records_come_newest_first(permanent: Permanent) -> None:
    """A page holds the records of the user's newest minings."""
    minings = [await permanent.begin(source=f"source-{number}") for number in range(3)]
    await permanent.begin(user="bob")
    await permanent.call("finish_mining", mining=minings[2], ledger=LEDGER, receipt=RECEIPT)

    records = await permanent.call("mining_records", user_id="local", page_size=2)

    assert [record["mining"] for record in records] == [minings[2], minings[1]]
    assert records[0] == await permanent.call("mining_record", user_id="local", mining=minings[2])
    assert records[0] | {"begun_at": "", "finished_at": ""} == {
        "mining": minings[2],
        "source": "source-2",
        "source_name": "me@example.org",
        "state": "finished",
        "reference_date": "2022-06-01",
        "begun_at": "",
        "finished_at": "",
        "ledger": LEDGER,
        "receipt": RECEIPT,
    }
    assert records[0]["begun_at"] <= records[0]["finished_at"]
    assert records[1]["finished_at"] is None
