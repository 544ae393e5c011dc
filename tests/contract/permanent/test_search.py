"""Contacts are found by words, tag, source, date and mining, and one contact says why it is there."""

from typing import Any

import psycopg
import pytest

from processor.domain.contacts.search import split_words
from tests.support.permanent import NO_FILTERS, Permanent, contact

APRIL_5 = 1_649_169_980
DAY = 86_400
NEWSLETTER = ["newsletter", 3, "message_header", 1]
PLACES = {
    "warmth": '[10, 1, "2022-04-05T14:46:20Z", "local1@acme.com"]',
    "recent": '["2022-04-05T14:46:20Z", "local1@acme.com"]',
    "name": '["local1@acme.com", "local1@acme.com"]',
}
PROFESSIONAL = ["professional", 1, "email_address", 1]


@pytest.fixture
async def two_minings(permanent: Permanent) -> list[str]:
    """Two minings of two mailboxes, with three contacts in the first and two in the second, of which one is new."""
    first = await permanent.begin(source="digest-a", source_name="a@example.org")
    second = await permanent.begin(source="digest-b", source_name="b@example.org")
    jane = contact("jane.doe@acme.com", names=[["Jane Doe", "jane doe", 2, APRIL_5, 1]], recency=APRIL_5, occurrence=4)
    elise = contact("e@acme.com", names=[["Élise Østergård", "élise østergård", 1, None, 0, "elise ostergard"]])
    anna = contact("sales@anna.org", tags=[PROFESSIONAL, NEWSLETTER], recency=APRIL_5 - DAY)
    await permanent.apply(first, elise, jane, anna)
    await permanent.apply(second, jane, contact("new@acme.com", recency=APRIL_5 - 2 * DAY))
    return [first, second]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("jane", ["jane.doe@acme.com"]),
        ("JAN", ["jane.doe@acme.com"]),
        ("doe jane", ["jane.doe@acme.com"]),
        ("jane.doe@acme", ["jane.doe@acme.com"]),
        ("ostergard", ["e@acme.com"]),
        ("Øster", ["e@acme.com"]),
        ("acme", ["jane.doe@acme.com", "new@acme.com", "e@acme.com"]),
        ("org", ["sales@anna.org"]),
        ("ane", []),
        ("jane nobody", []),
        ("professional", []),
        ("'", []),
        ("' & !x | \\", []),
    ],
)
async def test_words_find_the_names_and_addresses_that_have_them(
    permanent: Permanent, two_minings: list[str], q: str, found: list[str]
) -> None:
    """Every word of a search is the beginning of a word of the name or the address, in any case and without accents."""
    words = split_words(q) or [" "]

    people = await permanent.page(words=words)

    assert [person["address"] for person in people] == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({"tag": "newsletter"}, ["sales@anna.org"]),
        ({"tag": "role"}, []),
        ({"source_name": "b@example.org"}, ["jane.doe@acme.com", "new@acme.com"]),
        ({"source_name": "b@example.org", "words": ["new"], "tag": "professional"}, ["new@acme.com"]),
        ({"source_name": "nowhere"}, []),
        ({"since": "2022-04-04"}, ["jane.doe@acme.com", "sales@anna.org"]),
        ({"since": "2022-04-06"}, []),
    ],
)
async def test_filters_narrow_the_list(
    permanent: Permanent, two_minings: list[str], filters: dict[str, Any], found: list[str]
) -> None:
    """A tag, a source and a date each leave out whoever does not match, alone and together."""
    assert [person["address"] for person in await permanent.page(**filters)] == found


async def test_a_mining_shows_whom_it_found_first(permanent: Permanent, two_minings: list[str]) -> None:
    """A contact is new by one mining: the first that found it."""
    shown = [{person["address"] for person in await permanent.page(mining=mining)} for mining in two_minings]

    assert shown == [{"jane.doe@acme.com", "e@acme.com", "sales@anna.org"}, {"new@acme.com"}]


async def test_a_search_sees_one_user(permanent: Permanent, two_minings: list[str]) -> None:
    """Another user's contacts are neither found nor counted."""
    await permanent.apply(await permanent.begin(user="bob"), contact("jane@bob.org"))

    assert [person["address"] for person in await permanent.page(user="bob", words=["jane"])] == ["jane@bob.org"]
    assert await permanent.page(user="carl", words=["jane"]) == []


async def test_a_name_of_a_later_mining_is_found(permanent: Permanent, two_minings: list[str]) -> None:
    """A contact is found by the names, tags and sources of all its minings."""
    renamed = contact("new@acme.com", names=[["Nora", "nora", 1, None, 0]], tags=[PROFESSIONAL, NEWSLETTER])
    await permanent.apply(two_minings[0], renamed, part=1)

    people = await permanent.page(words=["nora"], tag="newsletter", source_name="a@example.org")

    assert [person["address"] for person in people] == ["new@acme.com"]


async def test_one_contact_says_why_it_is_there(permanent: Permanent, two_minings: list[str]) -> None:
    """The detail has the list's fields, votes per name, messages per tag and field, and the first and last mining."""
    (listed,) = await permanent.page(words=["jane"])

    jane = await permanent.call("contact", user_id="local", address="jane.doe@acme.com")

    assert jane == {
        **listed,
        "fields": {"sender": 2, "recipient": 0},
        "first": None,
        "last": "2022-04-05T14:46:20Z",
        "names": [{"name": "Jane Doe", "messages": 4, "latest": "2022-04-05T14:46:20Z", "signed": True}],
        "tags": [{"name": "professional", "reachability": 1, "source": "email_address", "messages": 2}],
        "first_mining": two_minings[0],
        "last_mining": two_minings[1],
    }
    assert jane["sources"] == ["a@example.org", "b@example.org"]


async def test_there_is_no_detail_of_others(permanent: Permanent, two_minings: list[str]) -> None:
    """An unknown address, another user's contact and an own address have no detail."""
    await permanent.begin(source="digest-c", own=["e@acme.com"])

    asked = [("local", "nobody@acme.com"), ("bob", "new@acme.com"), ("local", "e@acme.com")]

    assert [await permanent.call("contact", user_id=user, address=address) for user, address in asked] == [None] * 3


async def test_names_and_words_have_no_bound_that_breaks(permanent: Permanent) -> None:
    """A name of 10,000 letters and thousands of words merge, and the contact is still found and listed by name."""
    mining = await permanent.begin()
    for part in range(30):
        name = f"{part} {'x' * 10_000}"
        words = " ".join(f"wword{part}n{number}" for number in range(200))
        more = contact("jane@acme.com", names=[[name, name, 1, None, 0]], search=f"wjane {words}")
        await permanent.apply(mining, more, part=part)

    found = [await permanent.page(words=words, order="name") for words in (["word0n199"], ["jane"])]

    assert [len(people) for people in found] == [1, 1]


async def test_each_order_and_search_reads_an_index_of_the_user(permanent: Permanent) -> None:
    """Among other users' contacts, no list, search or detail scans the table."""
    for user in ("ann", "bob", "local"):
        mining = await permanent.begin(user=user)
        many = [contact(f"{user}{number}@acme.com", recency=APRIL_5 + number) for number in range(8000)]
        await permanent.apply(mining, *many)
    searches: list[dict[str, Any]] = [
        *({"ordered_by": order} for order in ("warmth", "recent", "name")),
        *({"ordered_by": order, "after": after} for order, after in PLACES.items()),
        {"words": ["local77"]},
        {"words": ["local5"], "source_name": "me@example.org", "tag": "professional"},
    ]

    async with await psycopg.AsyncConnection.connect(permanent.conninfo) as connection:
        # As autovacuum does sooner or later.
        await connection.execute("SELECT gin_clean_pending_list('leadminer.refined_persons_search')")
        await connection.execute("ANALYZE leadminer.refined_persons")
        for search in searches:
            chosen = {**NO_FILTERS, "ordered_by": "name", "after": None, **search}
            await connection.execute(
                "SELECT leadminer.find_contacts('local', %(words)s::text[], %(tag)s, %(source_name)s, %(since)s::date,"
                " %(mining)s::uuid, %(ordered_by)s, %(after)s::jsonb, 10)",
                chosen,
            )
        await connection.execute("SELECT leadminer.contact('local', 'local1@acme.com')")
        cursor = await connection.execute(
            "SELECT seq_scan, idx_scan > 0 FROM pg_stat_xact_user_tables"
            " WHERE relid = 'leadminer.refined_persons'::regclass"
        )

        assert await cursor.fetchall() == [(0, True)]
