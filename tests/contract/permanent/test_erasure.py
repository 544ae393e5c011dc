"""Erasing users and contacts deletes the right data, and erased contacts cannot come back."""

import hashlib

import psycopg

from tests.support.permanent import Permanent, contact

LEDGER = {"listed": 3, "folders_failed": {"00ff": "refused"}}


def keys_of(*addresses: str) -> str:
    """Return a receipt's hash of keys."""
    return hashlib.sha256("\n".join(sorted(addresses, key=str.encode)).encode()).hexdigest()


async def test_erasing_a_user_leaves_no_contact(permanent: Permanent) -> None:
    """The receipt counts the deleted contacts and hashes their keys. Another user's contacts stay."""
    for user in ("ann", "bob"):
        mining = await permanent.begin(user=user)
        await permanent.apply(mining, contact("_@acme.com"), contact("Z@acme.com"), contact("a@acme.com"))

    receipt = await permanent.erase("ann")

    assert receipt == {"contacts": 3, "minings": 1, "keys": keys_of("Z@acme.com", "_@acme.com", "a@acme.com")}
    assert await permanent.page(user="ann") == []
    assert len(await permanent.page(user="bob")) == 3


async def test_an_erased_mining_keeps_numbers_alone(permanent: Permanent) -> None:
    """An erased mining's source, own addresses and folders are deleted, and its counts are kept."""
    mining = await permanent.begin(own=["me@example.org"])
    await permanent.call("finish_mining", mining=mining, ledger=LEDGER, receipt={"objects": 1})

    await permanent.erase()

    record = await permanent.call("mining_record", user_id="local", mining=mining)
    assert (record["state"], record["source"], record["source_name"]) == ("erased", None, None)
    assert (record["ledger"], record["receipt"]) == ({"listed": 3}, {"objects": 1})
    for table in ("own_addresses", "sources"):
        assert await column(permanent, f"SELECT user_id FROM leadminer.{table}") == []


async def test_an_erased_mining_stays_erased(permanent: Permanent) -> None:
    """An erased mining cannot be begun, finished or applied to again."""
    mining = await permanent.begin()
    await permanent.apply(mining, contact("jane@acme.com"))
    await permanent.erase()

    finished = await permanent.call("finish_mining", mining=mining, ledger=LEDGER, receipt={})
    begun = await permanent.call(
        "begin_mining",
        mining=mining,
        user_id="local",
        source="source-1",
        source_name="me@example.org",
        own_addresses=["me@example.org"],
        reference_date="2022-06-01",
    )
    applied = [await permanent.apply(mining, contact("jane@acme.com"), part=part) for part in (0, 1)]

    assert (finished, begun["state"], begun["own_addresses"]) == ({"state": "erased"}, "erased", [])
    assert applied == [{"applied": False, "open": False}] * 2
    assert (await permanent.call("mining_record", user_id="local", mining=mining))["ledger"] is None
    assert await column(permanent, "SELECT part FROM leadminer.applied_parts") == []


async def test_a_large_user_is_erased_in_slices(permanent: Permanent) -> None:
    """One call deletes at most 5,000 rows, the first one closes all minings, and the slices make one receipt."""
    finished, mining = await permanent.begin(source="source-1"), await permanent.begin(source="source-2")
    await permanent.call("finish_mining", mining=finished, ledger=LEDGER, receipt={})
    addresses = [f"{number:04}@acme.com" for number in range(6000)]
    await permanent.apply(mining, *map(contact, addresses))

    first = await permanent.call("erase_user", user_id="local")
    late = await permanent.apply(mining, contact("late@acme.com"), part=1)
    rest = [await permanent.call("erase_user", user_id="local") for _ in range(2)]

    assert (first["minings"], first["addresses"], first["more"]) == (2, addresses[:4998], True)
    assert late == {"applied": False, "open": False}
    assert rest[0]["addresses"] == addresses[4998:]
    assert [answer["more"] for answer in rest] == [False, False]
    assert rest[1] == {"minings": 0, "addresses": [], "more": False}


async def test_the_slices_of_an_erasure_make_one_receipt(permanent: Permanent) -> None:
    """The receipt of several slices is that of one."""
    addresses = [f"{number:04}@acme.com" for number in range(5100)]
    await permanent.apply(await permanent.begin(), *map(contact, addresses))

    receipt = await permanent.erase()

    assert receipt == {"contacts": 5100, "minings": 1, "keys": keys_of(*addresses)}


async def test_erasing_twice_finds_nothing(permanent: Permanent) -> None:
    """The receipt of a second erasure, or of an unknown user, says that nothing was deleted."""
    mining = await permanent.begin()
    await permanent.apply(mining, contact("jane@acme.com"))
    await permanent.erase()

    receipts = [await permanent.erase(user) for user in ("local", "nobody")]

    assert receipts == [{"contacts": 0, "minings": 0, "keys": keys_of()}] * 2


async def test_an_erased_user_may_mine_again(permanent: Permanent) -> None:
    """A new mining of an erased user counts from zero."""
    await permanent.apply(await permanent.begin(), contact("jane@acme.com"))
    await permanent.erase()

    await permanent.apply(await permanent.begin(), contact("jane@acme.com"))

    assert [person["occurrence"] for person in await permanent.page()] == [1]


async def test_what_other_services_keep_of_a_user_goes_too(permanent: Permanent) -> None:
    """Erasing a user also deletes the profile, organizations and campaigns."""
    await permanent.begin()
    tables = ("profiles", "organizations", "campaigns")
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        await connection.execute(
            "INSERT INTO leadminer.profiles (user_id) VALUES ('local');"
            "INSERT INTO leadminer.organizations (user_id, name) VALUES ('local', 'Acme');"
            "INSERT INTO leadminer.campaigns (user_id, name) VALUES ('local', 'Spring')"
        )

    await permanent.erase()

    assert [await column(permanent, f"SELECT 1 FROM leadminer.{table}") for table in tables] == [[], [], []]


async def test_an_erased_contact_does_not_come_back(permanent: Permanent) -> None:
    """An erased contact never comes back for that user, even after the user is erased. Other users keep theirs."""
    first = await permanent.begin()
    await permanent.apply(first, contact("jane@acme.com"), contact("joe@acme.com"))
    other = await permanent.begin(user="bob")

    erased = await permanent.call("erase_contact", user_id="local", address="jane@acme.com")

    assert erased is True
    await permanent.apply(first, contact("jane@acme.com"), contact("joe@acme.com"), part=1)
    await permanent.apply(other, contact("jane@acme.com"))
    assert [person["address"] for person in await permanent.page()] == ["joe@acme.com"]
    assert [person["address"] for person in await permanent.page(user="bob")] == ["jane@acme.com"]
    await permanent.erase()
    await permanent.apply(await permanent.begin(), contact("jane@acme.com"))
    assert await permanent.page() == []


async def test_a_contact_may_be_suppressed_before_it_is_met(permanent: Permanent) -> None:
    """Erasing an address that is not a contact yet also keeps it out later."""
    erased = [await permanent.call("erase_contact", user_id="new", address="jane@acme.com") for _ in range(2)]

    await permanent.apply(await permanent.begin(user="new"), contact("jane@acme.com"))

    assert erased == [False, False]
    assert await permanent.page(user="new") == []


async def test_a_suppression_is_a_hash(permanent: Permanent) -> None:
    """A suppression stores no address, only a hash that differs for each user."""
    for user in ("ann", "bob"):
        await permanent.call("erase_contact", user_id=user, address="jane@acme.com")

    hashes = await column(permanent, "SELECT hash FROM leadminer.suppressions ORDER BY user_id")

    assert hashes == [hashlib.sha256(f"{user}\njane@acme.com".encode()).digest() for user in ("ann", "bob")]


async def column(permanent: Permanent, query: str) -> list[object]:
    """Return the first column of a query's rows."""
    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        cursor = await connection.execute(query.encode())
        return [row[0] for row in await cursor.fetchall()]
