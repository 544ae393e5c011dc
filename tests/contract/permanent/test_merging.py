"""The law of merging: parts add up to the same contacts in any order."""

import random
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.permanent import Contact, Permanent, contact

APRIL_5 = 1_649_169_980
DAY = 86_400
NAMES = ["Jane Doe", "JANE DOE", "jane doe", "Doe, Jane", "Jane", "Älva", "alva", "z"]
TAGS = [["professional", 1, "email_address"], ["newsletter", 3, "header"], ["role", 2, "email_address"]]
dates = st.none() | st.integers(min_value=APRIL_5 - 900 * DAY, max_value=APRIL_5)
counts = st.integers(min_value=0, max_value=9)


def folded(name: str) -> str:
    """Return the folded form that the processor sends with a name."""
    return {"Doe, Jane": "jane doe"}.get(name, name.casefold())


def in_order(rows: list[list[Any]], *, dated: bool) -> list[list[Any]]:
    """Return votes or tag counts in the order in which the processor sends them."""
    if dated:
        rows = sorted(rows, key=lambda row: (-row[2], -(row[3] if row[3] is not None else -1), row[0].encode()))
        rows.sort(key=lambda row: -row[4])
        spellings = list(dict.fromkeys(row[1] for row in rows))
        return sorted(rows, key=lambda row: (spellings.index(row[1]), "," in row[0]))
    return sorted(rows, key=lambda row: (-row[3], row[0].encode(), row[2].encode()))


@st.composite
def parts(draw: st.DrawFn) -> list[Contact]:
    """Draw the contacts of one part."""
    drawn = []
    for address in sorted(draw(st.sets(st.sampled_from(["a@x.org", "b@x.org", "c@x.org"])))):
        names = draw(st.dictionaries(st.sampled_from(NAMES), st.tuples(counts, dates, st.integers(0, 1)), max_size=4))
        tags = draw(st.dictionaries(st.integers(0, 2), counts, min_size=1))
        fields = {key: draw(counts) for key in ("occurrence", "sender", "recipient", "replied_conversations")}
        drawn.append(
            contact(
                address,
                **fields,
                conversations=draw(counts),
                recency=draw(dates),
                seniority=draw(dates),
                names=in_order([[name, folded(name), *vote] for name, vote in names.items()], dated=True),
                plus=sorted(draw(st.sets(st.sampled_from(["a+b@x.org", "a+c@x.org", "a+Z@x.org"])))),
                tags=in_order([[*TAGS[index], count] for index, count in tags.items()], dated=False),
            )
        )
    return drawn


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(handed=st.lists(parts(), min_size=2, max_size=6), seed=st.randoms(use_true_random=False))
async def test_order_does_not_matter(permanent: Permanent, handed: list[list[Contact]], seed: random.Random) -> None:
    """Parts of several minings give the same contacts in any order, equal to their plain sum."""
    shuffled = list(enumerate(handed))
    seed.shuffle(shuffled)
    users = [uuid4().hex, uuid4().hex]

    for user, order in zip(users, (list(enumerate(handed)), shuffled), strict=True):
        minings = [
            await permanent.begin(user=user, source=f"source-{n}", reference_date=f"2022-06-0{n + 1}") for n in range(2)
        ]
        for index, contacts in order:
            assert (await permanent.apply(minings[index % 2], *contacts, part=index))["applied"]

    pages = [await permanent.page(user=user) for user in users]
    assert pages[0] == pages[1]
    assert {person["address"]: summary(person) for person in pages[0]} == add_up(handed)


def summary(person: dict[str, Any]) -> tuple[Any, ...]:
    """Return the values of a contact that `add_up` predicts."""
    names = [person["name"], *person["alternate_names"]]
    tags = [[tag["name"], tag["reachability"], tag["source"], tag["count"]] for tag in person["tags"]]
    return person["occurrence"], person["recency"], names, person["alternate_emails"], tags


def add_up(handed: list[list[Contact]]) -> dict[str, tuple[Any, ...]]:
    """Return the contacts that the parts add up to, computed the plain way."""
    out = {}
    for address in {person["address"] for part in handed for person in part}:
        persons = [person for part in handed for person in part if person["address"] == address]
        votes = [vote for person in persons for vote in person["names"]]
        names = []
        for name in {vote[0] for vote in votes}:
            latest = [vote[3] for vote in votes if vote[0] == name and vote[3] is not None]
            messages = sum(vote[2] for vote in votes if vote[0] == name)
            signed = max(vote[4] for vote in votes if vote[0] == name)
            names.append([name, folded(name), messages, max(latest, default=None), signed])
        spelled = {name[1]: name[0] for name in reversed(in_order(names, dated=True))}
        shown = [name[0] for name in in_order(names, dated=True) if spelled[name[1]] == name[0]]
        tags = [tag for person in persons for tag in person["tags"]]
        counted = [
            [*key, sum(tag[3] for tag in tags if tag[:3] == key)] for key in TAGS if key in [t[:3] for t in tags]
        ]
        recency = max((person["recency"] for person in persons if person["recency"] is not None), default=None)
        out[address] = (
            sum(person["occurrence"] for person in persons),
            None if recency is None else datetime.fromtimestamp(recency, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            shown or [None],
            sorted({plus for person in persons for plus in person["plus"]}),
            in_order(counted, dated=False),
        )
    return out
