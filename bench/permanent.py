"""The permanent side with many contacts: what a part costs in a large table, and how long lists and searches take."""

import json
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from processor.adapters.container.contacts import FUNCTIONS
from processor.domain.contacts.search import search_text
from tests.support.permanent import NO_FILTERS, REFERENCE_DATE, PermanentDatabases
from tests.support.servers import Postgres

USERS = 30
CONTACTS = 1_500_000
PART = 4_000
SEARCHED = 100_000
ROUNDS = 40
DAY = 86_400
TODAY = 1_780_000_000
FIRST_NAMES = ("Anna", "José", "Mehmet", "Olga", "Wei", "Fatima", "Jan", "Élise", "Noah", "Priya")
FIND: dict[str, Any] = {**NO_FILTERS, "ordered_by": "warmth", "after": None, "page_size": 50}
QUESTIONS: dict[str, dict[str, Any]] = {
    "the list": {},
    "the list by name": {"ordered_by": "name"},
    "the list, latest first": {"ordered_by": "recent"},
    "a page deep in the list": {"after": json.dumps([30, 3, "2024-01-01T00:00:00Z", "p"])},
    "one person": {"words": ["p0012345"]},
    "a first name": {"words": ["elise"]},
    "two words": {"words": ["anna", "ff"]},
    "a word that every contact has": {"words": ["com"]},
    "a tag": {"tag": "personal"},
    "a source": {"source_name": "me@example.org"},
}
"""What is asked of `find_contacts`, a page of 50 each."""


@dataclass(frozen=True, slots=True)
class Part:
    """What applying one part took: pages of tables and indexes, found in memory or read, and bytes of WAL."""

    milliseconds: float
    found: int
    read: int
    wal: int


class Database:
    """Calls the permanent functions over one connection."""

    def __init__(self, conninfo: str) -> None:
        self._connection = psycopg.connect(conninfo, autocommit=True)
        self._connection.execute("SET plan_cache_mode = force_custom_plan")

    def call(self, function: str, **arguments: Any) -> float:
        """Call a function and return how many milliseconds it took."""
        began = time.perf_counter()
        self._connection.execute(_statement(function).encode(), arguments).fetchone()
        return (time.perf_counter() - began) * 1000

    def explain(self, function: str, **arguments: Any) -> Part:
        """Call a function and return what it took."""
        statement = f"EXPLAIN (ANALYZE, BUFFERS, WAL, FORMAT JSON) {_statement(function)}"
        row = self._connection.execute(statement.encode(), arguments).fetchone()
        [told] = row[0] if row else []
        plan = told["Plan"]
        return Part(told["Execution Time"], plan["Shared Hit Blocks"], plan["Shared Read Blocks"], plan["WAL Bytes"])

    def run(self, statement: str) -> None:
        """Run a statement."""
        self._connection.execute(statement.encode())

    def begin(self, user: str, number: int) -> str:
        """Begin the user's mining with this number, and return its id."""
        mining = str(UUID(int=number, version=4))
        own = {"source": "digest", "source_name": "me@example.org", "own_addresses": [f"{user}@example.org"]}
        self.call("begin_mining", mining=mining, user_id=user, reference_date=REFERENCE_DATE, **own)
        return mining


def _statement(function: str) -> str:
    given = ", ".join(f"{name} => %({name})s::{kind}" for name, kind in FUNCTIONS[function].items())
    return f"SELECT leadminer.{function}({given})"


def draw_contacts(count: int, *, seed: int) -> Iterator[dict[str, Any]]:
    """Yield people of all kinds, as refining hands them over, in the order of their addresses."""
    draw = random.Random(seed)
    for number in range(count):
        name = f"{draw.choice(FIRST_NAMES)} {draw.randrange(16**6):06x}"
        address = f"p{number:07}.{name[-6:]}@c{draw.randrange(count // 10 + 1)}.example.com"
        last = TODAY - draw.randrange(2000) * DAY - draw.randrange(DAY)
        tag = draw.choice(["professional", "professional", "personal"])
        messages = 1 + int(draw.expovariate(0.3))
        yield {
            "address": address,
            "occurrence": messages,
            "sender": draw.randint(0, messages),
            "recipient": draw.randint(0, messages),
            "conversations": draw.randint(0, messages),
            "replied_conversations": draw.randint(0, 2),
            "recency": last,
            "seniority": last - draw.randrange(900) * DAY,
            "names": [[name, name.lower(), messages, last, 1]],
            "plus": [],
            "tags": [[tag, 1, "email_address", messages]],
            "search": search_text([name, address], [tag]),
        }


def fill(database: Database, user: str, count: int, *, number: int) -> None:
    """Give a user so many contacts, part by part, by the mining with this number."""
    mining = database.begin(user, number)
    people = list(draw_contacts(count, seed=number))
    for part, at in enumerate(range(0, count, PART)):
        text = json.dumps(people[at : at + PART])
        database.call("apply_refined_chunk", mining=mining, chunk=0, part=part, contacts=text)


def measure_parts(contacts: int) -> list[Part]:
    """Return what parts of 4,000 contacts took in a table of so many: of new contacts, then of known ones."""
    with Postgres(durable=True) as server:
        database = Database(PermanentDatabases(server).fresh())
        for number in range(1, USERS + 1):
            fill(database, f"user{number}", contacts // USERS, number=number)
        database.run("VACUUM ANALYZE leadminer.refined_persons")
        database.run("CHECKPOINT")
        text = json.dumps(list(draw_contacts(PART, seed=USERS + 1)))
        minings = [database.begin("user7", USERS + turn) for turn in (1, 2)]
        return [
            database.explain("apply_refined_chunk", mining=mining, chunk=0, part=0, contacts=text) for mining in minings
        ]


def measure_searches(contacts: int) -> dict[str, float]:
    """Return the 95th percentile in milliseconds of each question, with so many contacts of one user among others."""
    with Postgres(durable=True) as server:
        database = Database(PermanentDatabases(server).fresh())
        for number, (user, count) in enumerate({"one": contacts, "other": contacts}.items(), start=1):
            fill(database, user, count, number=number)
        database.run("VACUUM ANALYZE leadminer.refined_persons")
        out = {}
        for question, changed in QUESTIONS.items():
            out[question] = _p95(database, "find_contacts", **FIND | changed)
        out["the total"] = _p95(database, "count_contacts", **NO_FILTERS)
        return out


def _p95(database: Database, function: str, **arguments: Any) -> float:
    times = [database.call(function, user_id="one", **arguments) for _ in range(ROUNDS)]
    return statistics.quantiles(times, n=20)[-1]


def report(contacts: int = CONTACTS) -> str:
    """Measure and return the figures as text."""
    lines = [f"{SEARCHED:,} contacts of one user, a page of 50, 95th percentile:"]
    lines += [f"  {question:32} {took:6.1f} ms" for question, took in measure_searches(SEARCHED).items()]
    lines.append(f"a part of {PART:,} contacts in a table of {contacts:,} of {USERS} users:")
    for what, part in zip(("new", "known"), measure_parts(contacts), strict=True):
        lines.append(
            f"  {what:6} contacts: {part.milliseconds:6.0f} ms, {part.read:,} pages read, {part.found:,} in memory, "
            f"{part.wal / 2**20:.1f} MiB of WAL"
        )
    return "\n".join(lines)
